import { sha256Hex } from '@clawmesh/chassis'

/** Names a text by its content: the first 16 bytes of its SHA-256, in lower-case hex. */
export const contentHash = (text: string): string => sha256Hex(text).slice(0, 32)
