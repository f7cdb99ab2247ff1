/** What both ends of a link keep to; part of the contract (proto/clawmesh/link/v1/link.proto). */

/** What one side may send for a call before it is given credit, and what it may be ahead of its reader. Bytes. */
export const windowBytes = 262_144
/** What a frame with a part of a message costs besides its length, so that empty ones are not free. */
export const frameCost = 32
/** A frame carries at most this much of a message. */
export const maxPieceBytes = 65_536
/** As for gRPC calls. */
export const maxMessageBytes = 33_554_432
/** Texts that one end remembers for the other. */
export const maxTexts = 1_024
export const maxTextBytes = 16_384
/** Calls that may be open on a link at a time. */
export const maxOpenCalls = 10_000
