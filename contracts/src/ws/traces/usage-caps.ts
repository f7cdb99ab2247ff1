import { z } from 'zod'
import { page, uuid } from '../../http/common.ts'
import {
  capUtilization,
  usageCap,
  usageCapBody,
  usageCapChanges,
  utilizationPage,
} from '../../http/traces/usage-caps.ts'
import { defineWsTable } from '../method.ts'

const count = z.number().int()
const paged = { total: count, limit: count, offset: count }

export const usageCaps = defineWsTable('traces', {
  'usage.caps.list': {
    role: 'admin',
    summary: 'The usage caps of the tenant, the oldest first',
    rules: { isAsOverHttp: 'Caps are those of `GET /v1/usage-caps`' },
    params: z.object(page(50, 200)),
    result: z.object({ caps: z.array(usageCap), ...paged }),
    errors: [],
  },
  'usage.caps.get': {
    role: 'admin',
    summary: 'One usage cap',
    rules: { isAsOverHttp: 'The cap is that of `GET /v1/usage-caps/{id}`' },
    params: z.object({ id: uuid }),
    result: z.object({ cap: usageCap }),
    errors: ['NOT_FOUND'],
  },
  'usage.caps.create': {
    role: 'admin',
    summary: 'Cap what may be used in a day or month',
    rules: { isAsOverHttp: 'It is what `POST /v1/usage-caps` does, with its checks' },
    params: usageCapBody,
    result: z.object({ cap: usageCap }),
    errors: ['ALREADY_EXISTS'],
  },
  'usage.caps.update': {
    role: 'admin',
    summary: 'Change the amount of a cap, what it does, or whether it is on',
    rules: { isAsOverHttp: 'It is what `PATCH /v1/usage-caps/{id}` does' },
    params: usageCapChanges.extend({ id: uuid }),
    result: z.object({ cap: usageCap }),
    errors: ['NOT_FOUND'],
  },
  'usage.caps.delete': {
    role: 'admin',
    summary: 'Delete a usage cap and what it counted',
    rules: { isAsOverHttp: 'It is what `DELETE /v1/usage-caps/{id}` does' },
    params: z.object({ id: uuid }),
    result: z.object({ status: z.literal('deleted') }),
    errors: ['NOT_FOUND'],
  },
  'usage.caps.utilization': {
    role: 'admin',
    summary: 'What of the caps is used in the current day and month',
    rules: { isAsOverHttp: 'Entries are those of `GET /v1/usage-caps/utilization`' },
    params: z.object(utilizationPage),
    result: z.object({ utilization: z.array(capUtilization), ...paged }),
    errors: [],
  },
})
