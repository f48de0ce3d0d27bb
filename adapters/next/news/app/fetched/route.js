/** What another server says, which is asked once for all servers of this app. */
export async function GET() {
  const answer = await fetch(process.env.UPSTREAM_URL, {
    next: { tags: ['upstream'], revalidate: 3600 },
  });
  return new Response(await answer.text());
}

export const dynamic = 'force-dynamic';
