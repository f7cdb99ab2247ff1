import { z } from 'zod'
import { defineWsTable } from '../method.ts'

const targetId = z.string().min(1).max(100).optional().describe('A page; else the one used last')
const saysWhatItNeeds = 'Where the installation has no browser it is answered FAILED_PRECONDITION, with what is missing'

export const browser = defineWsTable('tools', {
  'browser.act': {
    role: 'operator',
    summary: 'Do something on a page of the browser that agents use',
    rules: {
      saysWhatItNeeds,
      opensAPage: '`navigate` opens a page where none is open',
      reachesPublicAddresses:
        'What `navigate` names, and whatever pages ask for, is reached only where web_fetch may go; other addresses are refused',
      seesOwnPages:
        'A user has the pages that agents have opened for them and those that they opened, and nobody else’s',
    },
    params: z.object({
      targetId,
      timeoutMs: z.number().int().min(1).max(120_000).optional(),
      request: z.object({
        kind: z.enum(['click', 'type', 'press', 'hover', 'wait', 'evaluate', 'navigate']),
        ref: z.string().max(100).optional().describe('An element, as the snapshot names it'),
        text: z.string().max(100_000).optional(),
        key: z.string().max(100).optional(),
        submit: z.boolean().optional(),
        fn: z.string().max(100_000).optional(),
        timeMs: z.number().int().min(0).max(120_000).optional(),
        url: z.string().max(8_192).optional(),
      }),
    }),
    result: z.object({ ok: z.literal(true), result: z.string().optional() }),
    errors: ['FAILED_PRECONDITION'],
  },
  'browser.snapshot': {
    role: 'operator',
    summary: 'A page of the browser that agents use, as its accessibility tree',
    rules: {
      saysWhatItNeeds,
      namesElements: 'What can be acted on has a ref, which holds until the page shows another document',
    },
    params: z.object({
      targetId,
      maxChars: z.number().int().min(1).max(200_000).default(8_000),
      interactive: z.boolean().optional().describe('Only what can be acted on'),
      compact: z.boolean().optional(),
      depth: z.number().int().min(1).max(100).optional(),
    }),
    result: z.object({
      snapshot: z.string(),
      refs: z.looseObject({}),
      url: z.string(),
      title: z.string(),
      targetId: z.string(),
      stats: z.object({
        lines: z.number().int(),
        chars: z.number().int(),
        refs: z.number().int(),
        interactive: z.number().int(),
      }),
      truncated: z.boolean().optional(),
    }),
    errors: ['FAILED_PRECONDITION'],
  },
  'browser.screenshot': {
    role: 'operator',
    summary: 'A picture of a page of the browser that agents use',
    rules: { saysWhatItNeeds },
    params: z.object({ targetId, fullPage: z.boolean().default(false) }),
    result: z.object({ mimeType: z.literal('image/png'), data: z.string().describe('Base64') }),
    errors: ['FAILED_PRECONDITION'],
  },
})
