import { priceOf } from '../prices.js';

/** A page that Next renders when it builds, and keeps until a tag in it is invalidated. */
export default async function Home() {
  const { price, made } = await priceOf('1');
  return (
    <p>
      From {price}, <b>{made}</b>
    </p>
  );
}
