/** Cuts a byte stream of length-prefixed messages into whole messages. */

/** Larger than any message PostgreSQL itself takes (1 GiB); a longer length is noise, not a message. */
const messageLimitBytes = 2 ** 30

export interface MessageReader {
  push(chunk: Buffer): void
  /**
   * The next whole message, or undefined while it has not all come.
   *
   * @param prefixBytes bytes before the length field: 0 for the first packet of a connection, 1 afterwards
   * @throws Error when the length cannot be right
   */
  next(prefixBytes: 0 | 1): Buffer | undefined
}

/** A reader whose cost is linear in the bytes read, however small the chunks of a large message are. */
export function createMessageReader(): MessageReader {
  let chunks: Buffer[] = []
  let availableBytes = 0
  let neededBytes = 0

  return {
    push(chunk) {
      chunks.push(chunk)
      availableBytes += chunk.length
    },
    next(prefixBytes) {
      const headerBytes = prefixBytes + 4
      if (availableBytes < Math.max(headerBytes, neededBytes)) return undefined
      const bytes = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)
      const lengthBytes = bytes.readInt32BE(prefixBytes)
      if (lengthBytes < 4 || lengthBytes > messageLimitBytes) throw new Error(`invalid message length ${lengthBytes}`)
      const totalBytes = prefixBytes + lengthBytes
      if (bytes.length < totalBytes) {
        chunks = [bytes]
        neededBytes = totalBytes
        return undefined
      }
      const rest = bytes.subarray(totalBytes)
      chunks = rest.length > 0 ? [rest] : []
      availableBytes = rest.length
      neededBytes = 0
      return bytes.subarray(0, totalBytes)
    },
  }
}
