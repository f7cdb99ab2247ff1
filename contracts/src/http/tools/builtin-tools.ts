import { z } from 'zod'
import { json, statusIs, timestamp } from '../common.ts'
import { defineHttpTable } from '../operation.ts'

const builtinTool = z
  .object({
    name: z.string(),
    display_name: z.string(),
    description: z.string(),
    category: z.string(),
    enabled: z.boolean(),
    tenant_enabled: z.boolean().nullable(),
    settings: json,
    requires: z.array(z.string()),
    metadata: json,
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({ id: 'BuiltinTool', description: 'A built-in tool and how it is set' })

const toolParams = z.object({ name: z.string().min(1).max(100).describe('Name of the tool') })

/** An object, or the JSON text of one. */
const jsonObject = z.union([
  json,
  z.string().transform((text, context) => {
    try {
      return json.parse(JSON.parse(text))
    } catch {
      context.addIssue({ code: 'custom', message: 'not the JSON text of an object' })
      return z.NEVER
    }
  }),
])

export const builtinTools = defineHttpTable('tools', {
  listBuiltinTools: {
    method: 'GET',
    path: '/v1/tools/builtin',
    role: 'viewer',
    summary: 'The built-in tool catalogue',
    rules: {
      ordersByCategoryAndName: 'Tools come by category, then by name',
      followsTheCatalogue:
        'At every start missing tools are added, those that are no more are dropped, and what people have set stays',
      sendsNullAndEmpty:
        '`tenant_enabled` is always sent, null where the tenant has no say, and `requires` is `[]` for a tool that needs nothing',
      saysWhatIsMissing:
        'A tool that nothing here runs yet is switched off until somebody switches it on, and `requires` says what it needs',
      leavesMediaOff:
        'Tools that read and make media are switched off until somebody switches them on; one that is on says which provider it needs where none could be asked',
      speaksTheLanguageOfTheCaller: 'Descriptions are in the language that the caller asked for',
    },
    response: { 200: z.object({ tools: z.array(builtinTool) }) },
    errors: [],
  },
  getBuiltinTool: {
    method: 'GET',
    path: '/v1/tools/builtin/{name}',
    role: 'viewer',
    summary: 'One built-in tool',
    rules: {
      answersTheToolAlone: 'The answer is the tool itself, without an envelope; an unknown name is answered 404',
    },
    params: toolParams,
    response: { 200: builtinTool },
    errors: [404],
  },
  updateBuiltinTool: {
    method: 'PUT',
    path: '/v1/tools/builtin/{name}',
    role: 'admin',
    summary: 'Switch a built-in tool or replace its settings, for the whole installation',
    rules: {
      takesTwoFields:
        'Only `enabled` and `settings` are taken and other fields ignored; with neither of them the request is refused',
      replacesSettings: '`settings` replaces the stored object as a whole; the JSON text of an object will do',
      chainsProviders:
        '`settings.providers` of a media tool names those who do its work, tried in their order, each within its `timeout` and again up to `max_retries` times; none that is not `enabled`. Without a chain the usual ones of the tenant are asked',
      refusesUnknownTools: 'An unknown tool is answered 404',
      isForTheMasterTenant: 'Only the master tenant and system owners may, as the setting holds for every tenant',
      holdsAtOnce: 'Agents of every tenant lose or get the tool at once, and the change stands in the audit log',
    },
    params: toolParams,
    body: z.object({ enabled: z.boolean().optional(), settings: jsonObject.optional() }),
    response: { 200: statusIs('updated') },
    errors: [400, 404],
  },
  setBuiltinToolTenantConfig: {
    method: 'PUT',
    path: '/v1/tools/builtin/{name}/tenant-config',
    role: 'admin',
    summary: 'Switch a built-in tool off for the own tenant, or on again',
    rules: {
      switchesOffForTheTenantAlone:
        'Agents of the own tenant lose a tool that is switched off, at once, and those of others keep it; without `enabled` it is switched off',
      liftsOnlyItsOwn: 'Switched on, a tool that the installation has switched off stays off',
      refusesUnknownTools: 'An unknown tool is answered 404',
      isRecorded: 'The change stands in the audit log of the tenant',
    },
    params: toolParams,
    body: z.object({ enabled: z.boolean().default(false) }),
    response: { 200: statusIs('updated') },
    errors: [400, 404],
  },
  deleteBuiltinToolTenantConfig: {
    method: 'DELETE',
    path: '/v1/tools/builtin/{name}/tenant-config',
    role: 'admin',
    summary: 'Take back what the own tenant has said about a built-in tool',
    rules: {
      goesBackToTheInstallation: 'The tool is for the tenant as the installation has set it, at once',
      isIdempotent: 'Where the tenant has said nothing it is answered the same, and nothing is recorded',
    },
    params: toolParams,
    response: { 200: statusIs('deleted') },
    errors: [400],
  },
})
