import { defineHttpTable, defineWsTable, MeshError, type ErrorCode } from '@clawmesh/contracts'
import { z } from 'zod'
import { declaredHttpError, declaredWsError } from '../src/contract/declared-error.ts'

const { operations } = defineHttpTable('agents', {
  get: { method: 'GET', path: '/x', role: 'viewer', summary: '', response: { 200: z.object({}) }, errors: [409] },
})
const { methods } = defineWsTable('agents', {
  get: { role: 'viewer', summary: '', params: z.object({}), result: z.object({}), errors: ['NOT_FOUND'] },
})
const passes = (look: (thrown: unknown) => unknown, code: ErrorCode): boolean => {
  const thrown = new MeshError(code, 'error.internal')
  const seen = look(thrown)
  expect(seen).toBeInstanceOf(Error)
  return seen === thrown
}

it('lets through what an operation declares, and what every one may answer', () => {
  const look = (thrown: unknown) => declaredHttpError(thrown, 'get', operations.get)
  for (const code of ['ALREADY_EXISTS', 'NOT_FOUND', 'FORBIDDEN', 'UNAVAILABLE', 'CANCELLED'] as const)
    expect([code, passes(look, code)]).toEqual([code, true])
  expect(passes(look, 'FAILED_PRECONDITION')).toBe(false)
  expect(passes(look, 'RESOURCE_EXHAUSTED')).toBe(false)
  expect(look('anything else')).toBe('anything else')
})

it('compares the errors of methods as clients see them', () => {
  const look = (thrown: unknown) => declaredWsError(thrown, 'get', methods.get)
  for (const code of ['NOT_FOUND', 'FORBIDDEN', 'PAYLOAD_TOO_LARGE'] as const)
    expect([code, passes(look, code)]).toEqual([code, true])
  expect(passes(look, 'ALREADY_EXISTS')).toBe(false)
})
