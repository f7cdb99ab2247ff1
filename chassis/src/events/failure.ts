/** Why handling an event failed: whose fault it is, and what may be said of it where others read it. */
import { errorKinds, MeshError } from '@clawmesh/contracts'
import { z } from 'zod'
import { causesOf, databaseError } from '../db/database.ts'

/** Codes of PostgreSQL, Prisma and Node for a failure and its causes. */
const codesOf = (thrown: unknown): string[] =>
  causesOf(thrown).flatMap((fault) => {
    const { code, originalCode } = fault as { code?: unknown; originalCode?: unknown }
    return [code, originalCode].filter((each) => typeof each === 'string')
  })

/** PostgreSQL's codes for a schema, table, column or right that is not there: no event is at fault. */
const notSetUp = new Set(['3F000', '42P01', '42703', '42501'])

/** Whether something that the handler needs is away, or not set up yet, so that any event would fail now. */
export const isAway = (thrown: unknown): boolean => {
  const error = databaseError(thrown)
  return (
    (error instanceof MeshError && errorKinds[error.code].retryable) ||
    codesOf(thrown).some((code) => notSetUp.has(code))
  )
}

const readLimit = 2_000
export const reasonLimit = 500

/** User and password in a URL, and long runs of characters that look like a key; ids are let through. */
const urlUser = /:\/\/[^\s/@]{1,200}@/g
const longRun = /[\w+/=.-]{20,}/g
const plain = /^([0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}|[a-z_.]+)$/i
/** PostgreSQL's messages about bad values quote the values. */
const badValue = /^22/

const messageOf = (thrown: unknown): string => {
  if (thrown instanceof z.ZodError)
    return thrown.issues.map(({ path, message }) => [path.join('.'), message].filter(Boolean).join(': ')).join('; ')
  try {
    return String(thrown instanceof Error ? thrown.message : thrown)
  } catch {
    return 'something that has no text'
  }
}

/** A line about a failure for logs and rows: bounded, without credentials and without the values it is about. */
export const reasonOf = (thrown: unknown): string => {
  const { name: given, code } = (thrown ?? {}) as { name?: unknown; code?: unknown }
  const name = typeof given === 'string' ? given.replaceAll('\0', '\uFFFD') : 'Error'
  const label = typeof code === 'string' && /^\w{1,40}$/.test(code) ? `${name} ${code}` : name
  const message = messageOf(thrown).slice(0, readLimit).replaceAll('\0', '\uFFFD').replaceAll(/\s+/g, ' ')
  const unquoted = codesOf(thrown).some((each) => badValue.test(each))
    ? message.replaceAll(/"[^"]*"?/g, '"…"')
    : message
  const clean = unquoted.replaceAll(urlUser, '://***@').replaceAll(longRun, (run) => (plain.test(run) ? run : '***'))
  return `${label}: ${clean}`.slice(0, reasonLimit).toWellFormed()
}

const framesKept = 8

/** Where it was thrown, without the message. */
export const framesOf = (thrown: unknown): string[] =>
  thrown instanceof Error
    ? (thrown.stack ?? '')
        .split('\n')
        .filter((line) => line.startsWith('    at '))
        .slice(0, framesKept)
        .map((line) => line.trim())
    : []
