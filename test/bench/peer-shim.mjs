/**
 * The peer adds headers to the answer of `fetch`, which Node forbids for streamed ones ("immutable"), so that on this
 * Node every stream of it would be a 500. A copy of the answer's head lets it work; its body passes through untouched.
 */
const original = globalThis.fetch
globalThis.fetch = async (...request) => {
  const answer = await original(...request)
  if (!answer.headers.get('content-type')?.startsWith('text/event-stream')) return answer
  return new Response(answer.body, { status: answer.status, headers: new Headers(answer.headers) })
}
