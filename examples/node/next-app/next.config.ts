import type { NextConfig } from 'next';

const config: NextConfig = {
  // A native package is loaded by Node.js, not bundled.
  serverExternalPackages: ['tastemaker'],
  turbopack: { root: import.meta.dirname },
};

export default config;
