import { TastemakerError } from 'tastemaker';
import { engine } from '../../../lib/engine';

/** `POST /api/events` with `{ "userId": "206", "itemId": "356", "kind": "click" }` */
export async function POST(request: Request): Promise<Response> {
  try {
    const { userId, itemId, kind } = await request.json();
    return Response.json(engine().record(userId, itemId, kind, { timestamp: new Date() }));
  } catch (error) {
    if (!(error instanceof TastemakerError)) throw error;
    return Response.json({ code: error.code, message: error.message }, { status: 400 });
  }
}
