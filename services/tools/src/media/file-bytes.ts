import { toolError } from '../tool/tool-error.ts'
import type { StoredFile } from '../workspace/types.ts'

/** All of a file. @throws TOOL_ERROR when it is larger, or empty */
export const readBounded = async ({ size, read }: StoredFile, mostBytes: number): Promise<Buffer> => {
  if (size === 0) throw toolError('the file is empty')
  if (size > mostBytes) throw toolError(`the file has ${size} bytes, and no more than ${mostBytes} can be read`)
  const pieces: Buffer[] = []
  for await (const piece of read(0, size - 1)) pieces.push(piece)
  return Buffer.concat(pieces)
}
