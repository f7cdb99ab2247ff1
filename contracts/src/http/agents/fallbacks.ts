/** Who answers in place of an agent's model when that fails. */
import { z } from 'zod'

/** In the order in which they are asked. */
export const fallbackChain = z
  .array(
    z.looseObject({
      provider: z.string().min(1).max(50),
      model: z.string().max(200).optional().meta({ description: "The provider's default where absent" }),
    }),
  )
  .max(8)

/** The free part of an agent's configuration, as far as it is read. */
export const otherConfig = z
  .looseObject({
    fallbacks: fallbackChain.optional(),
    continue_answers: z
      .boolean()
      .optional()
      .meta({ description: 'A fallback goes on with an answer that broke off; without it such a turn fails' }),
  })
  .nullable()
