import fc from 'fast-check'
import { judge } from '../src/exec/guard/guard.ts'
import { deniedSpelling } from './exec-spellings.ts'

describe('the guard, whatever a command looks like', () => {
  it('denies other spellings of what is denied', () => {
    fc.assert(
      fc.property(deniedSpelling, ({ command }) => !judge(command, { shell: 'bash' }).allowed),
      { numRuns: 1_500 },
    )
  })

  it('decides about any text, soon and without throwing', () => {
    const shellish = fc.constantFrom(...`$'"\`(){}[]<>|&;\\ \n#*?!~=-ax0`)
    fc.assert(
      fc.property(fc.array(shellish, { maxLength: 60 }), (text) => {
        judge(text.join(''), { shell: 'bash' })
      }),
      { numRuns: 1_000 },
    )
  })
})
