import { revalidatePath, revalidateTag } from 'next/cache';

/** `?tag=` is gone at once, with `&soft` it is shown once more while it is made anew, and `?path=` is a whole page. */
export async function POST(request) {
  const query = new URL(request.url).searchParams;
  const [tag, path] = [query.get('tag'), query.get('path')];
  if (tag !== null) revalidateTag(tag, query.has('soft') ? 'max' : { expire: 0 });
  if (path !== null) revalidatePath(path);
  return new Response(null, { status: 204 });
}
