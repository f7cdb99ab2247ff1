/** The body of a request on its way over a link. */
import type { IncomingMessage } from 'node:http'
import { notePassing, type LinkCall, type Rest } from '@clawmesh/chassis'

export interface Upload extends Rest {
  /** Nothing more of it is wanted. */
  stop: () => void
}

const nothing = Buffer.alloc(0)

/** A body that is known. */
export const sendWhole = (body: Buffer): Upload => ({
  to: (link) => void link.send(body, 'last'),
  isRepeatable: () => true,
  stop: () => undefined,
})

/**
 * A body as it comes, at the pace of who reads it. What has left is kept until the service takes more than the first window,
 * or answers: until then it can be sent to another one.
 */
export const sendStreamed = (request: IncomingMessage): Upload => {
  let kept: Buffer[] | undefined = []
  let isAll = false
  let link: LinkCall | undefined

  /** Whether a link still takes what is sent. */
  const send = (to: LinkCall, chunk: Buffer, kind: 'message' | 'last'): void => {
    const sent = to.send(chunk, kind)
    if (sent === undefined) return
    request.pause()
    void sent.then(() => {
      // It was closed, or another one has taken its place.
      if (to !== link || to.ended() !== undefined) return
      kept = undefined
      request.resume()
    })
  }
  const take = (chunk: Buffer): void => {
    notePassing(chunk)
    kept?.push(chunk)
    send(link!, chunk, 'message')
  }
  const end = (): void => {
    isAll = true
    send(link!, nothing, 'last')
  }

  return {
    to: (next) => {
      const isFirst = link === undefined
      link = next
      for (const chunk of kept ?? []) send(next, chunk, 'message')
      if (isAll) send(next, nothing, 'last')
      else if (isFirst) request.on('data', take).once('end', end)
      else request.resume()
    },
    isRepeatable: () => kept !== undefined,
    stop: () => {
      kept = undefined
      request.off('data', take).off('end', end)
    },
  }
}
