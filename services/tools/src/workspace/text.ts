/** What tools take as text, and how much of it. */
import { toolError } from '../tool/tool-error.ts'

/** @throws TOOL_ERROR when it is none */
export const decodeText = (bytes: Uint8Array): string => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw toolError('the file is not UTF-8 text')
  }
}
