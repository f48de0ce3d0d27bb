import { priceOf } from '../../../prices.js';

export async function GET(request) {
  return Response.json(await priceOf(new URL(request.url).searchParams.get('id')));
}
