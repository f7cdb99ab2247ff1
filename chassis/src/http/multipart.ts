/** Reads a form with one file (multipart/form-data, RFC 7578) as it comes: the file is never held in memory. */
import type { IncomingHttpHeaders } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Busboy, type BusboyFileStream, type BusboyHeaders, type BusboyInstance } from '@fastify/busboy'
import { MeshError } from '@clawmesh/contracts'

/**
 * Takes in a file; the form goes on once it is done, or has failed. `name` is what the client calls it, without folders
 * and otherwise as it came.
 */
export type TakeFile = (file: AsyncIterable<Buffer>, name: string) => Promise<void>

/**
 * Reads a form to its end, its file by `take`; the fields beside it.
 * @throws INVALID_REQUEST for no form, or one without a file; PAYLOAD_TOO_LARGE; what `take` throws
 */
export type Upload<Fields = Record<string, string>> = (take: TakeFile) => Promise<Fields>

const fileName = 'file'
/** A few short fields beside one file; a name that comes twice counts once. */
const limits = {
  files: 1,
  fields: 16,
  parts: 20,
  fieldSize: 4_096,
  fieldNameSize: 100,
  headerPairs: 50,
  headerSize: 8_192,
}

const noForm = (cause?: unknown) =>
  new MeshError(
    'INVALID_REQUEST',
    'error.invalid_request',
    { field: fileName, reason: 'no form with a file' },
    { cause },
  )

export const readUpload = async (
  headers: IncomingHttpHeaders,
  pieces: AsyncIterable<Buffer>,
  take: TakeFile,
): Promise<Record<string, string>> => {
  let form: BusboyInstance
  try {
    form = new Busboy({ headers: headers as BusboyHeaders, limits })
  } catch (cause) {
    throw noForm(cause)
  }
  const fields = new Map<string, string>()
  let taking: Promise<void> | undefined
  /** Settles when it is known whether the form is whole: what ends before is no file yet. */
  const whole = Promise.withResolvers<void>()
  whole.promise.catch(() => undefined)
  const untilWhole = async function* (file: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    yield* file
    await whole.promise
  }
  let refused: Error | undefined
  /** Why the file did not come whole: then the form is at fault, and not who takes it. */
  let broken: Error | undefined
  form.on('field', (name, value) => void fields.set(name, value))
  form.on('file', (name: string, file: BusboyFileStream, given = '') => {
    file.on('error', (fault) => (broken = fault))
    if (name !== fileName || taking !== undefined) {
      file.resume()
      return
    }
    taking = take(untilWhole(file), given).catch((thrown: unknown) => {
      refused ??= thrown as Error
      form.destroy(thrown as Error)
    })
  })
  let source: Error | undefined
  const watched = async function* () {
    try {
      yield* pieces
    } catch (thrown) {
      source = thrown as Error
      throw thrown
    }
  }
  try {
    await pipeline(Readable.from(watched()), form)
  } catch (cause) {
    whole.reject(noForm(cause))
    await taking
    throw source ?? (broken === undefined ? refused : undefined) ?? noForm(cause)
  }
  whole.resolve()
  await taking
  if (refused !== undefined) throw refused
  if (taking === undefined) throw noForm()
  return Object.fromEntries(fields)
}
