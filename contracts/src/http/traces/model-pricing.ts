import { z } from 'zod'
import { modelAbilities } from '../../models/catalogue.ts'
import { lenient, page, statusIs, timestamp } from '../common.ts'
import { defineHttpTable } from '../operation.ts'

// The upper end only keeps a slip of the pen from costs too large to be stored.
const dollars = z.number().min(0).max(100_000)

/** US dollars per million tokens; tokens of a cache cost what other input costs unless they are priced. */
export const modelPrice = z.strictObject({
  input_per_million: dollars,
  output_per_million: dollars,
  cache_read_per_million: dollars.optional(),
  cache_create_per_million: dollars.optional(),
})

/** Whose figure a price is, the one that counts first. */
const priceOrigins = ['tenant', 'configuration', 'catalogue'] as const

const perMillion = z.number().nullable()

export const modelPricing = z
  .object({
    name: z.string().describe('A model, or a provider and its model: `groq/llama-3.1-8b-instant`'),
    input_per_million: perMillion.describe('US dollars per million tokens, null where nobody has told'),
    output_per_million: perMillion,
    cache_read_per_million: perMillion,
    cache_create_per_million: perMillion,
    origin: z.enum(priceOrigins).nullable().describe('Whose figure it is'),
    listed_as: z.string().nullable().describe('The name under which the price is listed'),
    context_window: z.number().int().nullable().describe('Tokens, null where not known'),
    max_output_tokens: z.number().int().nullable(),
    abilities: z.array(z.enum(modelAbilities)),
    source: z.string().nullable().describe('Page that the figures of the catalogue are of'),
    as_of: z.iso.date().nullable().describe('When it said so'),
    updated_at: timestamp.optional().describe('When the tenant set its price'),
  })
  .meta({ id: 'ModelPricing', description: 'What a model costs a tenant, and what is known of it' })

export const modelName = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[^\s\p{Cc}]+$/u)
  .toLowerCase()
  .describe('A model, or a provider and its model: `gpt-4o`, `groq/llama-3.1-8b-instant`')

const nameParams = z.object({ name: modelName })

const count = z.number().int()

export const modelPricingTable = defineHttpTable('traces', {
  listModelPricing: {
    method: 'GET',
    path: '/v1/model-pricing',
    role: 'viewer',
    summary: 'What models cost the tenant, and whose figures these are',
    rules: {
      listsWhatCounts:
        'Each name is listed once, with the price that counts: the one that the tenant has set, else that of the configuration, else that of the catalogue, and `origin` says which',
      saysWhereFiguresAreFrom:
        "A figure of the catalogue is there with the vendor's page that it is of and the day on which it said so",
      showsUnknownAsNull: 'A price, window or limit that is not known is null, and never zero; a price of zero is zero',
      pricesCaches:
        'Where tokens of a cache have no price of their own, the price of other input is shown for them, as it is counted',
      pages:
        'Names are in the order of the alphabet; a page has 100 unless said, 500 at most; `total` counts all; `search` keeps names that hold it, in any case',
    },
    query: z.object({
      search: lenient(z.string().max(255)).describe('Only names that hold this'),
      ...page(100, 500),
    }),
    response: { 200: z.object({ prices: z.array(modelPricing), total: count, limit: count, offset: count }) },
    errors: [],
  },
  getModelPricing: {
    method: 'GET',
    path: '/v1/model-pricing/{name...}',
    role: 'viewer',
    summary: 'What one model costs the tenant',
    rules: {
      findsAsCallsDo:
        "A name is looked up as a model call is: a provider's model before the model, one with the day of its release as the model without it, in any case; `listed_as` says what was found",
      answersUnknownModels: 'A model that nobody has told of is answered with nulls',
    },
    params: nameParams,
    response: { 200: modelPricing },
    errors: [400],
  },
  setModelPricing: {
    method: 'PUT',
    path: '/v1/model-pricing/{name...}',
    role: 'admin',
    summary: 'Set what a model costs the tenant',
    rules: {
      replaces:
        'The price is set, or replaced whole: a price of a cache that is left out is that of other input from then on',
      checksPrices: 'Prices are from 0 to 100,000; anything else, and a field that is not known, is refused',
      winsOverAll:
        'It counts before what configuration and catalogue say, also for names with the day of a release and for those by which a router calls the model; of other tenants nothing changes',
      countsFromNowOn:
        'Costs that are recorded, and caps, count it from then on, on every replica; what was recorded before stays',
      limitsTheirNumber: 'A tenant has 1,000 prices at most, one more is a conflict',
      isAudited: 'It is an event and an entry of the audit log, model_price.set',
    },
    params: nameParams,
    body: modelPrice,
    response: { 200: modelPricing },
    errors: [400, 409],
  },
  deleteModelPricing: {
    method: 'DELETE',
    path: '/v1/model-pricing/{name...}',
    role: 'admin',
    summary: "Give up the tenant's own price of a model",
    rules: {
      fallsBack: 'What configuration or catalogue say counts again',
      findsOwnPricesOnly: 'A name of which the tenant has set no price is answered 404',
      isAudited: 'It is an event and an entry of the audit log, model_price.deleted',
    },
    params: nameParams,
    response: { 200: statusIs('deleted') },
    errors: [400, 404],
  },
})
