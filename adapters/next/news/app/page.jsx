export const revalidate = 3600;

/** A page that Next renders when it builds, and then once an hour, or when its path is invalidated. */
export default function Home() {
  return (
    <p>
      Written: <b>{`${process.pid}-${performance.now()}`}</b>
    </p>
  );
}
