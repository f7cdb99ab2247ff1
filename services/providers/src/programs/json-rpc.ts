/** JSON-RPC 2.0 with a program, in which both sides ask and answer, a message a line. It does no I/O of its own. */
import { cutOff, UpstreamFailure } from '../chat/protocols/failure.ts'
import { isObject, objectOf, parseJson, textOf, type Json } from '../chat/protocols/json.ts'

/** What the program is told when it asks for something that it does not get. */
export class Refusal extends Error {}

/** What it asks of us. @throws Refusal, which it is told; of anything else it hears no more than that it failed */
type Answer = (params: Json) => Json | Promise<Json>

interface PeerParts {
  /** Settles once the program has room for more. */
  write: (line: string) => Promise<void>
  answers: Readonly<Record<string, Answer>>
  /** What it tells us. */
  notified: (method: string, params: Json) => void
  /** The number of its questions that we work on has changed. */
  asked?: (worked: number) => void
}

export interface Peer {
  /** @throws UpstreamFailure with what it says went wrong, or why the peer was closed */
  request: (method: string, params: Json) => Promise<Json>
  notify: (method: string, params: Json) => void
  /** Takes a line of the program. @throws UpstreamFailure for one that is no message, and where it takes no answers */
  take: (line: string) => void
  /** Fails what is still to be answered, and everything from now on. */
  close: (reason: Error) => void
}

/** Questions of the program that are worked on at once, or whose answer it has not taken yet. */
const mostOpen = 32
/** Refusals that it has not taken yet. */
const mostRefusals = 1_000
const unknownMethod = -32_601
const failed = -32_000

export const createPeer = ({ write, answers, notified, asked }: PeerParts): Peer => {
  const waiting = new Map<number, { resolve: (result: Json) => void; reject: (reason: Error) => void }>()
  let lastId = 0
  let open = 0
  let worked = 0
  let refusals = 0
  let closed: Error | undefined

  const send = async (message: Json): Promise<void> => {
    if (closed === undefined) await write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
  }
  const refusalOf = (id: unknown, code: number, message: string): Json => ({ id, error: { code, message } })
  const refuse = (refusal: Json): void => {
    if (refusals >= mostRefusals) throw new UpstreamFailure('failed', 'it asks and does not take the answers')
    refusals++
    void send(refusal).finally(() => refusals--)
  }

  const work = async (id: unknown, known: Answer, params: Json): Promise<Json> => {
    asked?.(++worked)
    try {
      return { id, result: await known(params) }
    } catch (thrown) {
      return refusalOf(id, failed, thrown instanceof Refusal ? thrown.message : 'failed')
    } finally {
      asked?.(--worked)
    }
  }

  const answer = (id: unknown, method: string, params: Json): void => {
    const known = Object.hasOwn(answers, method) ? answers[method] : undefined
    if (known === undefined) return refuse(refusalOf(id, unknownMethod, 'method not found'))
    if (open >= mostOpen) return refuse(refusalOf(id, failed, 'too many requests at once'))
    open++
    void work(id, known, params)
      .then(send)
      .finally(() => open--)
  }

  const settle = ({ id, result, error }: Json): void => {
    const waiter = typeof id === 'number' ? waiting.get(id) : undefined
    if (waiter === undefined) return
    waiting.delete(id as number)
    if (isObject(error)) waiter.reject(new UpstreamFailure('failed', textOf(error['message']) || 'an error'))
    else waiter.resolve(objectOf(result) ?? {})
  }

  return {
    request: (method, params) =>
      new Promise((resolve, reject) => {
        if (closed !== undefined) return reject(closed)
        const id = ++lastId
        waiting.set(id, { resolve, reject })
        void send({ id, method, params })
      }),
    notify: (method, params) => void send({ method, params }),
    take: (line) => {
      const message = objectOf(parseJson(line))
      if (message === undefined) throw cutOff('a line that is not JSON')
      const method = textOf(message['method'])
      const params = objectOf(message['params']) ?? {}
      if (method === '') settle(message)
      else if (message['id'] === undefined) notified(method, params)
      else answer(message['id'], method, params)
    },
    close: (reason) => {
      closed ??= reason
      for (const { reject } of waiting.values()) reject(reason)
      waiting.clear()
    },
  }
}
