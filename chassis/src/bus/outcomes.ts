/** How both buses hand a batch to a consumer. */
import type { Logger } from '../log/logger.ts'
import type { Consumer, Delivery, Outcome } from './bus.ts'

const pauseAfterFailureMs = 1_000

/** An outcome for each delivery of a batch, whatever the consumer does. Never throws. */
export const handOver = async (consumer: Consumer, batch: readonly Delivery[], log: Logger): Promise<Outcome[]> => {
  try {
    const outcomes = (await consumer.handle(batch)) ?? []
    return batch.map((_, index) => outcomes[index] ?? { state: 'done' })
  } catch (err) {
    log.warn({ err, durable: consumer.durable }, 'handling events failed, they come again')
    return batch.map(() => ({ state: 'again', afterMs: pauseAfterFailureMs }))
  }
}
