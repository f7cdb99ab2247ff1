/** Turns the text of an environment variable into the value that a schema takes. */
import { z } from 'zod'

/** What a schema looks like from outside, as far as it is needed here. */
interface Shape {
  type: string
  innerType?: z.ZodType
  in?: z.ZodType
  element?: z.ZodType
}

const shapeOf = (schema: z.ZodType): Shape => {
  const shape = schema.def as Shape
  const inner = shape.innerType ?? shape.in
  return inner === undefined ? shape : shapeOf(inner)
}

const flags = z.stringbool()

class UnreadableText extends Error {}

const readFlag = (text: string): boolean => {
  const read = flags.safeParse(text)
  if (!read.success) throw new UnreadableText('expected true or false')
  return read.data
}

const readNumber = (text: string): number => {
  const read = text.trim() === '' ? Number.NaN : Number(text)
  if (Number.isNaN(read)) throw new UnreadableText('expected a number')
  return read
}

const readJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    // Node's own message repeats the text, which may be a secret.
    throw new UnreadableText('not valid JSON')
  }
}

const readList = (text: string, { element }: Shape): unknown =>
  element !== undefined && shapeOf(element).type === 'string' ? text.split(',') : readJson(text)

const readers: Readonly<Record<string, (text: string, shape: Shape) => unknown>> = {
  number: readNumber,
  boolean: readFlag,
  array: readList,
  object: readJson,
  record: readJson,
}

/** The value of a text, or what is wrong with it. Texts of any other schema are values as they stand. */
export const valueOfText = (schema: z.ZodType, text: string): { value: unknown } | { fault: string } => {
  const shape = shapeOf(schema)
  try {
    return { value: Object.hasOwn(readers, shape.type) ? readers[shape.type]!(text, shape) : text }
  } catch (thrown) {
    if (thrown instanceof UnreadableText) return { fault: thrown.message }
    throw thrown
  }
}
