/** Learns from NATS whether anybody listens: where a reply is asked for and nobody does, the server itself replies so. */
import { createInbox, type NatsConnection } from '@nats-io/transport-node'

const noResponders = 503
/** A server that is silent for longer says nothing about it. */
const answerWithinMs = 1_000

/** Publishes, and tells whether anybody listened; true where that cannot be known. */
export const createPublishHeard = (
  connection: NatsConnection,
): ((subject: string, message: string) => Promise<boolean>) => {
  const inbox = createInbox()
  /** Whether those that are asked about were heard, as far as is known. */
  const heard = new Map<string, boolean>()
  let asked = 0

  const listen = () =>
    connection.subscribe(`${inbox}.*`, {
      callback: (_error, { subject, headers }) => {
        if (headers?.code === noResponders && heard.has(subject)) heard.set(subject, false)
      },
    })
  /** Until the server has answered all that was sent before, or is silent. */
  const answered = (): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, answerWithinMs)
      const done = () => {
        clearTimeout(timer)
        resolve()
      }
      connection.flush().then(done, done)
    })

  return async (subject, message) => {
    const reply = `${inbox}.${asked}`
    heard.set(reply, true)
    try {
      if (asked++ === 0) listen()
      connection.publish(subject, message, { reply })
      await answered()
      return heard.get(reply)!
    } catch {
      // The connection is closed.
      return true
    } finally {
      heard.delete(reply)
    }
  }
}
