import { z } from 'zod'
import { idParams, json, page, slug, statusIs, timestamp, uuid } from '../common.ts'
import { defineHttpTable } from '../operation.ts'
import { variables } from './variables.ts'

const customTool = z
  .object({
    id: uuid,
    name: z.string(),
    description: z.string(),
    parameters: json.describe('JSON Schema of the arguments'),
    command: z.string().describe('Template of a shell command'),
    working_dir: z.string().optional(),
    timeout_seconds: z.number().int(),
    agent_id: uuid.optional().describe('Absent where it is for all agents'),
    enabled: z.boolean(),
    created_by: z.string(),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({
    id: 'CustomTool',
    description: 'A tool that runs a command of the operator’s; its variables are never shown',
  })

const name = slug(100)
const description = z.string().max(8_192)
const parameters = json.describe('JSON Schema of an object: the arguments')
const command = z
  .string()
  .min(1)
  .max(16_384)
  .describe('Template of a shell command: `{{.key}}` becomes the argument of that name, as one quoted word')
const workingDir = z.string().max(1_024).describe('Folder to run in, relative to the workspace')
const seconds = z.number().int().max(86_400).describe('Seconds; zero or less is 60')
const env = z
  .union([
    variables,
    z.string().transform((text, context) => {
      try {
        return variables.parse(JSON.parse(text))
      } catch {
        context.addIssue({ code: 'custom', message: 'not the JSON text of an object' })
        return z.NEVER
      }
    }),
  ])
  .describe('Variables of the command, stored sealed. On change `***` keeps the stored value')

export const customTools = defineHttpTable('tools', {
  listCustomTools: {
    method: 'GET',
    path: '/v1/tools/custom',
    role: 'viewer',
    summary: 'Custom tools of the tenant',
    rules: {
      ordersByName: 'They come by name, the tenant’s own alone',
      listsThoseThatAreOff: 'One that is off is listed, too, as it could not be switched on again otherwise',
      pages: '`limit` is 50 unless said and 200 at most, `total` counts all that match',
      filters: '`agent_id` is exact, `search` is part of name or description in any case, `enabled` is true or false',
    },
    query: z.object({
      agent_id: uuid.optional().describe('Only those of this agent'),
      search: z.string().max(255).default('').describe('Part of a name or a description, in any case'),
      enabled: z.stringbool().optional().describe('Only those that are enabled, or only those that are not'),
      ...page(50, 200),
    }),
    response: {
      200: z.object({
        tools: z.array(customTool),
        total: z.number().int(),
        limit: z.number().int(),
        offset: z.number().int(),
      }),
    },
    errors: [400],
  },
  createCustomTool: {
    method: 'POST',
    path: '/v1/tools/custom',
    role: 'admin',
    summary: 'Make a command a tool of agents',
    rules: {
      requiresNameAndCommand: 'Name and command are required, the name is a slug',
      keepsNamesUnique:
        'A name that a tool has already is answered 409: a built-in one, or a custom one of the same scope',
      hasDefaults: 'It is enabled, has 60 seconds and takes no arguments unless said otherwise',
      assignsItsOwn: '`created_by` is the calling user, whatever the request says of it and of id and times',
      sealsEnv: 'Variables are sealed at rest and never shown',
      refusesBadNames: 'A variable may not be one that changes which program runs, how it is loaded, or ours',
      wantsAnAgentOfTheTenant: 'An agent that the tenant does not have is answered 404',
      wantsASchema: 'Parameters that are no JSON Schema of an object are refused',
      wantsWordsForArguments:
        'A placeholder stands where a word of the command can stand, within quotes or not; elsewhere, and in a text that a shell would read again, it is refused',
      isAudited: 'It is an entry of the audit log, custom_tool.created',
      quotesArguments: 'An argument is one word of the command whatever it holds; one that is not given is empty',
      checksArguments: 'Arguments that do not fit the schema are refused before anything runs',
      staysBehindTheGuard: 'All groups of denied commands hold for it, and it runs in the sandbox, in its time',
      isOffered:
        'Agents are offered it at once, one of an agent to that alone and before the one of all; policies name it, or `group:custom`',
      overridesNothing: 'A built-in tool of the same name goes before it',
      givesTheCommandAlone: 'The command alone gets the variables, and no answer shows their values',
      goesWithTheAgent: 'What is for one agent goes with it',
    },
    body: z.object({
      name,
      description: description.default(''),
      parameters: parameters.default({}),
      command,
      working_dir: workingDir.default(''),
      timeout_seconds: seconds.default(60),
      agent_id: uuid.nullish(),
      enabled: z.boolean().default(true),
      env: env.optional(),
    }),
    response: { 201: customTool },
    errors: [400, 404, 409],
  },
  getCustomTool: {
    method: 'GET',
    path: '/v1/tools/custom/{id}',
    role: 'viewer',
    summary: 'One custom tool',
    rules: { answersItAlone: 'The answer has no envelope, whether the tool is on or off' },
    params: idParams,
    response: { 200: customTool },
    errors: [400, 404],
  },
  updateCustomTool: {
    method: 'PUT',
    path: '/v1/tools/custom/{id}',
    role: 'admin',
    summary: 'Change some fields of a custom tool',
    rules: {
      writesWhatIsGiven: 'Only fields that are given are written, others are ignored',
      replacesEnv:
        'Variables are replaced as a whole, kept where they are not given; the JSON text of an object will do',
      isCheckedAsNew: 'What is given is checked as at the creation',
      refusesUnknownOnes: 'An unknown one is answered 404',
      isAudited: 'It is an entry of the audit log, custom_tool.updated',
      holdsAtOnce: 'Agents have the changed tool at once',
    },
    params: idParams,
    body: z.object({
      name: name.optional(),
      description: description.optional(),
      parameters: parameters.optional(),
      command: command.optional(),
      working_dir: workingDir.optional(),
      timeout_seconds: seconds.optional(),
      agent_id: uuid.nullish(),
      enabled: z.boolean().optional(),
      env: env.optional(),
    }),
    response: { 200: statusIs('updated') },
    errors: [400, 404, 409],
  },
  deleteCustomTool: {
    method: 'DELETE',
    path: '/v1/tools/custom/{id}',
    role: 'admin',
    summary: 'Delete a custom tool',
    rules: {
      isIdempotent: 'An unknown one is answered 200 as well, and nothing is recorded',
      isAudited: 'It is an entry of the audit log, custom_tool.deleted',
    },
    params: idParams,
    response: { 200: statusIs('deleted') },
    errors: [400],
  },
})
