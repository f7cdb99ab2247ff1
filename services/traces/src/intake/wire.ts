import { z } from 'zod'

const isEmpty = (value: unknown): boolean =>
  value === null ||
  value === undefined ||
  value === '' ||
  value === 0 ||
  (typeof value === 'object' && Object.keys(value).length === 0)

const inner = (schema: z.ZodType): z.ZodType =>
  schema instanceof z.ZodOptional ? (schema.unwrap() as z.ZodType) : schema

/** Numbers come as numbers or decimals, times as dates. */
const toWire = (schema: z.ZodType, value: unknown): unknown =>
  value === null
    ? null
    : value instanceof Date
      ? value.toISOString()
      : schema instanceof z.ZodNumber
        ? Number(value)
        : value

/**
 * A row in the shape of a contract whose fields its columns are named after: other columns are left out, and so are
 * optional fields that are empty or zero.
 */
export const toContract = <S extends z.ZodObject>(
  schema: S,
  row: { readonly [K in keyof z.output<S>]-?: unknown },
): z.output<S> =>
  Object.fromEntries(
    Object.entries<z.ZodType>(schema.shape).flatMap(([field, fieldSchema]) => {
      const value = toWire(inner(fieldSchema), row[field as keyof typeof row])
      return fieldSchema instanceof z.ZodOptional && isEmpty(value) ? [] : [[field, value]]
    }),
  ) as z.output<S>
