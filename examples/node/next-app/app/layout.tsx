import type { ReactNode } from 'react';

export const metadata = { title: 'What to watch' };

export default function Layout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <body style={{ font: '16px/1.5 system-ui, sans-serif', margin: '3rem auto', maxWidth: '44rem', padding: '0 1rem' }}>
        {children}
      </body>
    </html>
  );
}
