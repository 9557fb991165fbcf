/**
 * Words that say nothing about what a text is about, in the languages most likely to be tried on a laptop. Short on purpose: in any
 * other language such words weigh little more than the rest, because every sentence has them.
 */
export const stopWords: ReadonlySet<string> = new Set(
  `
  a about after again all also always am an and any are as at back be because been before being both but by can could did do does doing
  don't down each even every few for from get got had has have having he her here him his how i i'd i'll i'm i've if in into is isn't it
  it's its just like made make many me mine more most much my never no nor not now of off on once one only or other our out over own per
  really same she should so some still such than that that's the their them then there these they this those through to too two under
  until up us use used using very was wasn't we well were what when where which while who why will with without would yet you your
  au aux avec ce ces cette dans de des du elle en est et il ils je la le les leur lui ma mais même mes mon ne nous on ou où par pas plus
  pour qu que qui sa sans se ses si son sont sur très trop tu un une vous c'est j'ai d'un d'une n'est qu'il
  al algo como con del donde el ella en entre era es esta este esto fue ha hay las lo los me mi muy más no nos o para pero por porque
  qué se ser si sin sobre son su sus también te todo tu una uno y ya
  aber als am an auch auf aus bei bin bis da das dass dem den der des die doch durch ein eine einem einen einer eines er es für hat
  hatte ich ihr im in ist ja kein man mehr mich mir mit nach nicht noch nur ob oder ohne sehr sich sie sind so um und uns vom von vor
  war was wenn wer wie wir wird wurde zu zum zur
  です ます した して いる ある する こと もの これ それ ない ので から けど ても まで など とても でも ため よう たい なり なる
  `
    .trim()
    .split(/\s+/),
);
