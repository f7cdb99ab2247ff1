/** A file on the disk, as it is read. */
import type { FileHandle } from 'node:fs/promises'
import { MeshError } from '@clawmesh/contracts'
import type { StoredFile } from './types.ts'

const pieceBytes = 65_536

const readPieces = async function* (file: FileHandle, start: number, end: number): AsyncGenerator<Buffer> {
  // Each piece is a buffer of its own: whoever takes it may hold on to it.
  for (let position = start; position <= end;) {
    const length = Math.min(pieceBytes, end - position + 1)
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafeSlow(length), { position })
    if (bytesRead === 0) throw new MeshError('UNAVAILABLE', 'error.failed_to_read_file')
    position += bytesRead
    yield bytesRead === length ? buffer : buffer.subarray(0, bytesRead)
  }
}

export const openedFile = async (handle: FileHandle): Promise<StoredFile> => {
  const { size, mtime, mtimeNs, ino } = await handle.stat({ bigint: true })
  return {
    size: Number(size),
    modifiedAt: mtime,
    version: `${size.toString(36)}-${mtimeNs.toString(36)}-${ino.toString(36)}`,
    read: (start, end) => readPieces(handle, start, end),
  }
}
