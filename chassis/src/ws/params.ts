import { MeshError, type Locale, type WsMethod, type WsParamsOf } from '@clawmesh/contracts'
import { validate } from '../http/validate.ts'
import { snakeCase } from '../text/snake-case.ts'

const camel = (name: string): string => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())

/** The params under their own names: what is spelt otherwise counts where the proper spelling is absent. */
const properlySpelt = (
  { params, aliases = {}, wholeParam }: WsMethod,
  given: Readonly<Record<string, unknown>>,
): object => {
  const spelt = Object.fromEntries(
    Object.keys(params.shape).flatMap((name) => {
      const spellings = [name, ...(aliases[name] ?? []).flatMap((alias) => [alias, camel(alias)])]
      const found = [...spellings, snakeCase(name), camel(name)].find((spelling) => Object.hasOwn(given, spelling))
      return found === undefined ? [] : [[name, given[found]]]
    }),
  )
  const isWhole = wholeParam !== undefined && Object.keys(spelt).length === 0 && Object.keys(given).length > 0
  return isWhole ? { [wholeParam]: given } : spelt
}

/** The validated params of a method; absent ones are none. @throws INVALID_REQUEST naming the first faulty param */
export const readParams = <M extends WsMethod>(method: M, given: unknown, locale: Locale): WsParamsOf<M> => {
  const params = given ?? {}
  if (typeof params !== 'object' || Array.isArray(params))
    throw new MeshError('INVALID_REQUEST', 'error.invalid_request', { field: 'params', reason: 'not an object' })
  return validate(method.params, properlySpelt(method, params as Record<string, unknown>), locale) as WsParamsOf<M>
}
