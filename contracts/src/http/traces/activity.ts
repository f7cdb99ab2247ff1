import { z } from 'zod'
import { json, lenient, page, timestamp, userId, uuid } from '../common.ts'
import { defineHttpTable } from '../operation.ts'
import { period } from './period.ts'

const activityLog = z
  .object({
    id: uuid,
    actor_type: z.string().max(20),
    /** A user's id, or `system` where none was known. */
    actor_id: z.string().max(255),
    /** `<entity>.<verb>`, such as `agent.created`. */
    action: z.string().max(100),
    entity_type: z.string().max(50).optional(),
    entity_id: z.string().max(255).optional(),
    details: json.nullable(),
    ip_address: z.string().max(45).optional(),
    created_at: timestamp,
  })
  .meta({ id: 'ActivityLog', description: 'One change: who changed what, and from where' })

const filters = {
  actor_type: lenient(z.string().max(20)).describe('Only changes by this kind of actor'),
  actor_id: lenient(userId).describe('Only changes by this actor'),
  action: lenient(z.string().max(100)).describe('Only this action, such as agent.created'),
  entity_type: lenient(z.string().max(50)).describe('Only changes of this kind of thing'),
  entity_id: lenient(z.string().max(255)).describe('Only changes of this thing'),
}

export const activity = defineHttpTable('traces', {
  listActivity: {
    method: 'GET',
    path: '/v1/activity',
    role: 'viewer',
    summary: 'The audit log, newest first: who changed what, and from where',
    rules: {
      ordersByTime: 'Records come newest first, those of the tenant and no others',
      matchesExactly: 'Every filter is an exact match; an empty or overlong one filters nothing',
      showsOwnChangesOnly:
        'Below admin only the own changes are shown, whoever is asked for, and none without a user id',
      capsThePage:
        'A limit above 200 is 200; zero, a negative or an unreadable one is refused, an offset that makes no sense is 0',
      countsAllMatches: '`total` counts all that match, whatever the page',
      showsNoDetailsAsNull: '`details` is null where an event says nothing beyond who, what and where from',
    },
    query: z.object({
      ...filters,
      ...page(50, 200),
    }),
    response: {
      200: z.object({
        logs: z.array(activityLog),
        total: z.number().int(),
        limit: z.number().int(),
        offset: z.number().int(),
      }),
    },
    errors: [],
  },
  exportActivity: {
    method: 'GET',
    path: '/v1/activity/export',
    role: 'viewer',
    summary: 'The audit log as one file, newest first: CSV or JSON',
    rules: {
      hasAllThatMatch:
        'The file has every record that matches, however many, written as it is read; filters and who sees what are those of the list',
      filtersByTime: '`from` is inclusive and `to` exclusive; one that cannot be read filters nothing',
      isCsv:
        '`format` is `csv`, or absent: a line of names, then a line a record (RFC 4180) with `details` as JSON; a value that a spreadsheet would take for a formula begins with an apostrophe',
      isJson: '`format` `json` is an array of records as the list has them; any other format is CSV',
      isAFile: 'It is called `activity-<date>.csv` or `.json`, and no cache keeps it',
    },
    query: z.object({
      ...filters,
      ...period,
      format: lenient(z.enum(['csv', 'json'])).describe('csv (default) or json'),
    }),
    response: { 200: z.array(activityLog) },
    produces: 'text/csv',
    producesExample: 'created_at,action,actor_type,actor_id,entity_type,entity_id,ip_address,details,id',
    errors: [],
  },
})
