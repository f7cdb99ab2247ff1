/** Counts the values of messages in JSON as their bytes come: each of them is looked at once a message is read. */

/** Of one message: the tools of a large server are a few ten thousand values. */
export const mostValues = 100_000

export interface ValueCounter {
  /** Takes a byte; the values of the message by now. */
  take: (byte: number) => number
  /** Another message begins. */
  restart: () => void
}

export const createValueCounter = (): ValueCounter => {
  let values = 0
  let inText = false
  let isEscaped = false
  return {
    take: (byte) => {
      if (isEscaped) isEscaped = false
      else if (inText) {
        if (byte === 0x5c) isEscaped = true
        else if (byte === 0x22) inText = false
      } else if (byte === 0x22) inText = true
      // A comma, and what opens an array or an object, has a value behind it.
      else if (byte === 0x2c || byte === 0x5b || byte === 0x7b) values++
      return values
    },
    restart: () => {
      values = 0
      inText = isEscaped = false
    },
  }
}
