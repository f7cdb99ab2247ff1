/**
 * Servers may answer `100 Continue` before the real answer, asked or not (RFC 9110, section 15.2.1); proxies do. undici
 * takes it for the end of the connection, so it is taken out before undici reads.
 */
import type { Socket } from 'node:net'

const beginning = Buffer.from('HTTP/1.1 100')
const headEnd = '\r\n\r\n'
/** A longer head is no 100 Continue that anybody sends; it is left to the parser to refuse. */
const longestHead = 4_096

type Verdict = 'other' | 'more' | { rest: Buffer }

/** What the first bytes of an answer are: something else, too few to say, or a 100 Continue and what follows it. */
const judge = (bytes: Buffer): Verdict => {
  const seen = Math.min(bytes.length, beginning.length)
  // The minor version is not looked at: HTTP/1.0 servers send it too.
  for (let at = 0; at < seen; at++) if (at !== 7 && bytes[at] !== beginning[at]) return 'other'
  if (bytes.length < beginning.length) return 'more'
  const end = bytes.subarray(0, longestHead).indexOf(headEnd)
  if (end < 0) return bytes.length < longestHead ? 'more' : 'other'
  return { rest: bytes.subarray(end + headEnd.length) }
}

/**
 * The same socket, whose reader never sees a 100 Continue. Only the first bytes after something was written are looked
 * at, which on a connection that carries one request at a time are the head of an answer.
 */
export const withoutContinue = <T extends Socket>(socket: T): T => {
  const read = socket.read.bind(socket)
  const write: (...args: never[]) => boolean = socket.write.bind(socket)
  let atHead = true
  let held: Buffer | undefined

  socket.write = (...args: never[]) => {
    atHead = true
    return write(...args)
  }

  /** What of these bytes may be read; undefined when more must come first. */
  const admit = (bytes: Buffer): Buffer | undefined => {
    for (let rest = bytes; ;) {
      const verdict = judge(rest)
      if (verdict === 'more') {
        held = rest
        return undefined
      }
      if (verdict === 'other') {
        atHead = false
        return rest
      }
      rest = verdict.rest
    }
  }

  socket.read = (size?: number): unknown => {
    for (;;) {
      const piece = read(size) as Buffer | string | null
      if (piece === null || !atHead || typeof piece === 'string') return piece
      const bytes = held === undefined ? piece : Buffer.concat([held, piece])
      held = undefined
      const admitted = admit(bytes)
      if (admitted !== undefined) return admitted
    }
  }
  return socket
}
