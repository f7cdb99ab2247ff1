import { sha256Hex, sha256HexAside } from '@clawmesh/chassis'

/** Names a text by its content: the first 16 bytes of its SHA-256, in lower-case hex. */
export const contentHash = (text: string): string => sha256Hex(text).slice(0, 32)

/** The same of a text that may be megabytes. */
export const documentHash = async (text: string): Promise<string> => (await sha256HexAside(text)).slice(0, 32)
