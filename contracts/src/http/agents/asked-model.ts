import { z } from 'zod'

/** What a request of others' APIs names as its model: an agent, where it begins with `goclaw:`. */
export const askedModel = z
  .string()
  .max(500)
  .default('')
  .meta({ description: '`goclaw:<agent key>`', examples: ['goclaw:support'] })
