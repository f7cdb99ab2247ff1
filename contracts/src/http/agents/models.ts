/** Agents as OpenAI's clients list models. */
import { z } from 'zod'
import { modelFacts } from '../../models/facts.ts'
import { timestamp } from '../common.ts'
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
    ...modelFacts,
  })
  .meta({ id: 'Model', description: 'An agent that the caller may use, as OpenAI words it' })

const anthropicModel = z
  .object({
    id: model.shape.id,
    type: z.literal('model'),
    display_name: z.string().meta({ examples: ['Support'] }),
    created_at: timestamp,
  })
  .meta({ id: 'AnthropicModel', description: 'An agent that the caller may use, as Anthropic words it' })

const anthropicList = z.object({
  data: z.array(anthropicModel),
  first_id: z.string().nullable(),
  last_id: z.string().nullable(),
  has_more: z.literal(false),
})

/** What makes an answer Anthropic's. */
const headers = { 'Anthropic-Version': "Asks for Anthropic's shape; every version is taken" }

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
      showsWhatIsKnown:
        "An agent has its model's window, limit of answers and abilities, where the catalogue knows them",
      speaksAnthropic:
        "With an Anthropic-Version header the list has the shape of Anthropic's, whole, and the credential may come in X-Api-Key",
    },
    response: { 200: z.union([z.object({ object: z.literal('list'), data: z.array(model) }), anthropicList]) },
    headers,
    errors: [],
    dialect: 'openai',
    keyHeader: true,
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
      speaksAnthropic: "With an Anthropic-Version header the answer has the shape of Anthropic's",
    },
    params: z.object({ id: z.string().min(1).max(500).describe('Name of the model') }),
    response: { 200: z.union([model, anthropicModel]) },
    headers,
    errors: [404],
    dialect: 'openai',
    keyHeader: true,
  },
})
