/** Words that tell liking from disliking in reviews, English only: enough to try insights without a model. */
const liked = new Set(
  `amazing awesome beautiful beautifully best better bright charming cheap clean comfortable comfy cozy crisp cute delicious delight delighted
  durable easily easy elegant enjoy enjoyed excellent fantastic fast favorite favourite fine flattering fresh friendly fun good gorgeous great happy
  helpful impressed incredible lightweight like liked likes love loved lovely loves loving luxurious neat nice nicely perfect perfectly pleased
  pleasant polite powerful pretty quick quickly quiet recommend recommended reliable simple smooth soft solid stunning stylish sturdy super superb
  tasty tidy useful versatile warm well wonderful works`
    .trim()
    .split(/\s+/),
);
const disliked = new Set(
  `annoying awful bad bland boring break breaks broke broken bulky cancelled cheaply clumsy complicated confusing cracked crash crashes damaged
  defective difficult dirty disappointed disappointing disappointment dull error errors expensive faded fail failed fails faulty flimsy fragile hard
  hate hated heavy hideous horrible hot ill itchy lacking late leak leaked leaking leaks loose lost loud mess missing misses noisy odd overpriced pain
  poor poorly problem problems refund return returned returning returns rip ripped rough rude rust rusted scratch scratched scratchy shame shrank shrunk
  slow slowly smell smells snag sticky stiff stopped strange stuck terrible thin tight tore torn ugly unflattering unfortunately unhappy useless wasted
  weird wobbly worn worse worst wrong`
    .trim()
    .split(/\s+/),
);
const negations = new Set(["don't", "didn't", "doesn't", "isn't", "wasn't", "won't", "can't", 'never', 'no', 'not', 'hardly', 'without']);

/** Words after a negation that it may turn round. */
const NEGATED_WORDS = 3;

export const isFeelingWord = (word: string): boolean => liked.has(word) || disliked.has(word);

/** What a sentence sounds like, by its words in lower case, negations included. */
export function feelingOf(words: readonly string[]): 'positive' | 'negative' | 'neutral' {
  let score = 0;
  let negated = 0;
  for (const word of words) {
    if (negations.has(word)) negated = NEGATED_WORDS;
    else {
      const worth = liked.has(word) ? 1 : disliked.has(word) ? -1 : 0;
      score += negated > 0 ? -worth : worth;
      negated--;
    }
  }
  return score > 0 ? 'positive' : score < 0 ? 'negative' : 'neutral';
}
