/** The time that a call may go without an answer before the app says so, in milliseconds. */
export const ANSWER_MS = 8_000;

export class TimeoutError extends Error {}

/** The outcome of `work`. @throws TimeoutError when there is none after `ms` milliseconds; `work` itself goes on. */
export function within<T>(work: Promise<T>, ms: number = ANSWER_MS): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new TimeoutError(`no answer within ${ms} ms`)), ms);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
