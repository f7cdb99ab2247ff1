/** What a token says of its account. Nothing here is trusted: it is shown, and sent back to who has signed it. */
import { objectOf, parseJson, textOf, type Json } from '../chat/protocols/json.ts'

const longestToken = 16_384
const longestWord = 200
const authClaim = 'https://api.openai.com/auth'

/** The claims of a web token, none for what is no such token. */
export const claimsOf = (token: string): Json => {
  if (token.length > longestToken) return {}
  const payload = token.split('.')[1] ?? ''
  return objectOf(parseJson(Buffer.from(payload, 'base64url').toString('utf8'))) ?? {}
}

const word = (value: unknown): string => {
  const text = textOf(value).trim()
  return text.length > longestWord ? '' : text
}

/** Workspace and plan as the first token that knows them says; empty where none does. */
export const workspaceOf = (...tokens: readonly string[]): { accountId: string; planType: string } => {
  const all = tokens.map(claimsOf)
  const find = (name: string): string =>
    all
      .map((claims) => word(objectOf(claims[authClaim])?.[name]) || word(claims[`${authClaim}.${name}`]))
      .find(Boolean) ?? ''
  return { accountId: find('chatgpt_account_id'), planType: find('chatgpt_plan_type') }
}

/** When a token runs out, milliseconds since 1970; undefined where it does not say. */
export const expiryOf = (token: string): number | undefined => {
  const { exp } = claimsOf(token)
  return typeof exp === 'number' && exp > 0 ? exp * 1_000 : undefined
}
