/** Agents as OpenAI's clients list models. */
import { z } from 'zod'
import { defineHttpTable } from '../operation.ts'

const model = z
  .object({
    id: z.string().meta({ description: 'What a request names as its `model`', examples: ['goclaw:support'] }),
    object: z.literal('model'),
    created: z
      .number()
      .int()
      .meta({ description: 'Unix seconds', examples: [1_795_166_400] }),
    owned_by: z.string().meta({ description: 'Slug of the tenant', examples: ['acme'] }),
  })
  .meta({ id: 'Model', description: 'An agent that the caller may use, as OpenAI words it' })

export const models = defineHttpTable('agents', {
  listModels: {
    method: 'GET',
    path: '/v1/models',
    role: 'viewer',
    summary: 'The agents that the caller may use, as OpenAI models',
    rules: {
      listsUsableAgents:
        'Active agents that the caller may use are listed as `goclaw:<key>`, newest first, and no others',
      isOpenAisShape: "The list has the shape of OpenAI's, `created` in seconds and the tenant as owner",
    },
    response: { 200: z.object({ object: z.literal('list'), data: z.array(model) }) },
    errors: [],
    dialect: 'openai',
  },
  getModel: {
    method: 'GET',
    path: '/v1/models/{id}',
    role: 'viewer',
    summary: 'One agent as an OpenAI model',
    rules: {
      findsByModelName:
        'The agent is named as in a request, `goclaw:` or `agent:` and its key or id, or by these alone; the answer has it as `goclaw:<key>`',
      findsActiveAgents: 'An agent that is unknown in the tenant, or not active, is answered 404',
      requiresAccess: 'A user without access to the agent is answered 403',
    },
    params: z.object({ id: z.string().min(1).max(500).describe('Name of the model') }),
    response: { 200: model },
    errors: [404],
    dialect: 'openai',
  },
})
