import fc from 'fast-check'
import { judge } from '../../services/tools/src/exec/guard/guard.ts'
import { deniedSpelling } from '../../services/tools/test/exec-spellings.ts'

it('the guard denies each of 100,000 spellings of what is denied', () => {
  fc.assert(
    fc.property(deniedSpelling, ({ command }) => !judge(command, { shell: 'bash' }).allowed),
    { numRuns: 100_000 },
  )
})
