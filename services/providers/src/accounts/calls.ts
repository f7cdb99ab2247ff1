/** Calls with the token of an account: a good one, and another one when it is refused all the same. */
import type { ChatResponse } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { failureKindOf } from '../chat/protocols/failure.ts'
import type { ProviderConnection } from '../providers/connection.ts'
import type { AccountTokens } from './tokens.ts'

type Ask = (connection: ProviderConnection) => AsyncIterable<ChatResponse>

async function* asked(
  tokens: AccountTokens,
  connection: ProviderConnection,
  ask: Ask,
): AsyncGenerator<ChatResponse, void, void> {
  const good = await tokens.connection(connection)
  let hasBegun = false
  try {
    for await (const response of ask(good)) {
      hasBegun ||= response.event?.$case !== 'retrying'
      yield response
    }
    return
  } catch (thrown) {
    if (hasBegun || failureKindOf(thrown) !== 'credentials') throw thrown
    const other = await tokens.otherConnection(good)
    if (other === undefined) throw thrown
    yield* ask(other)
  }
}

/** Makes a call; one without an account passes as it is. */
export const withGoodToken = (
  tokens: AccountTokens,
  connection: ProviderConnection,
  ask: Ask,
): AsyncIterable<ChatResponse> => (connection.account === undefined ? ask(connection) : asked(tokens, connection, ask))
