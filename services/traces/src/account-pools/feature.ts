/** What the accounts of a pool did of late. */
import type { SpanStore } from '../span-store/port.ts'
import { createPoolActivityRpc } from './rpc.ts'

export const createAccountPools = (spans: SpanStore) => ({ rpc: createPoolActivityRpc(spans) })
