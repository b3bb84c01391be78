import { TastemakerError } from 'tastemaker';
import { engine, movie } from '../../../lib/engine';

/** `GET /api/recommend?user=206&k=8` */
export function GET(request: Request): Response {
  const { searchParams } = new URL(request.url);
  try {
    const answer = engine().recommend(searchParams.get('user') ?? '', {
      k: Number(searchParams.get('k') ?? 8),
      explain: true,
    });
    return Response.json({
      model: answer.model,
      items: answer.items.map(({ itemId, score, source, reasons }) => ({
        ...movie(String(itemId)),
        score,
        source,
        because: reasons.slice(0, 2).map((reason) => movie(String(reason.itemId)).title),
      })),
    });
  } catch (error) {
    if (!(error instanceof TastemakerError)) throw error;
    return Response.json({ code: error.code, message: error.message }, { status: 400 });
  }
}
