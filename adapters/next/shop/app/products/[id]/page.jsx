import { connection } from 'next/server';
import { Suspense } from 'react';
import { priceOf } from '../../../prices.js';

async function Price({ params }) {
  await connection();
  const { price, made } = await priceOf((await params).id);
  return (
    <p>
      {price}, <b>{made}</b>
    </p>
  );
}

/** A page that is rendered for each request, from prices that are cached. */
export default function Product({ params }) {
  return (
    <Suspense fallback={null}>
      <Price params={params} />
    </Suspense>
  );
}
