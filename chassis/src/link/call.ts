/** One end of a call on a link: what comes for it, and what goes out. */
import type { Kind, Status } from './codec.ts'
import { createInbox, type Inbox } from './inbox.ts'
import { createOutbox, type Outbox } from './outbox.ts'
import type { Writer } from './writer.ts'

export interface LinkCall extends Pick<Inbox, 'take' | 'ended'>, Pick<Outbox, 'send'> {
  /** Sends how this side ends. */
  end: (status: Status) => void
  /** Tells the other side that nothing more of it is wanted. */
  cancel: () => void
  /** Takes in a frame. @throws Error for one that breaks the rules */
  receive: (kind: Kind) => void
  /** It is over, whatever was under way; nothing more is sent. */
  close: (status: Status) => void
}

/** `changed` is called when there is something to take, or the end. */
export const createLinkCall = (id: number, writer: Writer, changed: () => void): LinkCall => {
  const lane = writer.lane(id)
  const outbox = createOutbox(($case, value) => lane.push({ $case, value }))
  const inbox = createInbox((value) => lane.push({ $case: 'credit', value }), changed)
  let closed = false
  const say = (kind: Kind): void => {
    if (!closed) lane.push(kind)
  }

  return {
    take: inbox.take,
    ended: inbox.ended,
    send: outbox.send,
    end: (value) => say({ $case: 'end', value }),
    cancel: () => say({ $case: 'cancel', value: true }),
    receive: (kind) => {
      switch (kind.$case) {
        case 'piece':
        case 'message':
        case 'last':
          return inbox.arrive(kind.$case, kind.value)
        case 'end':
          return inbox.end(kind.value)
        case 'credit':
          return outbox.grow(kind.value)
        default:
          throw new Error(`a call has no ${kind.$case}`)
      }
    },
    close: (status) => {
      closed = true
      outbox.close()
      inbox.end(status)
    },
  }
}
