"""What agents say when they ask, fail, apologise or hand over."""

from __future__ import annotations

import re

from loopwright.mine.wording import Cue, any_of, cue

FAILED = cue(
    "says that it failed",
    0.5,
    r"(?:i|we)(?: was| were| have been|'ve been) (?:not able|unable|unsuccessful)\b",
    r"(?:couldn'?t|could not|wasn'?t able to|was unable to|weren'?t able to|failed to) \w+",
    r"(?:has|have|was|were|did|could)(?:n'?t| not) (?:go through|be (?:completed|processed|booked|made|found)|succeed"
    r"|work)\b",
    r"(?:something )?went wrong\b|something(?:'?s| is) wrong\b|it has been impossible\b",
    r"(?:request|booking|reservation|payment|transaction|action|operation|search|call) (?:has )?failed\b",
    r"no (?:solution|result|answer|match(?:es)?)s? (?:was |were |could be )?found\b",
    r"(?:ran|running) into (?:an? )?(?:error|issue|problem)|encounter(?:ed|ing) (?:an? |some )?(?:\w+ )?(?:error"
    r"|issue|problem|difficult)",
)
INABILITY: tuple[Cue, ...] = (
    FAILED,
    cue(
        "says that it cannot do it",
        0.4,
        r"i (?:cannot|can'?t|can not|am not (?:allowed|permitted|authori[sz]ed)|(?:don'?t|do not) have (?:access"
        r"|the ability|permission|information|enough))\b",
        r"(?:is|are)(?: not|n'?t) (?:possible|allowed|permitted|eligible|available|supported|something i)\b",
        r"(?:unable to|not able to|cannot be|can'?t be|unfortunately|i'?m afraid|regrettably|beyond (?:my|the scope))\b",
    ),
)
DECLINES_BY_RULE = any_of(
    r"polic(?:y|ies)\b|terms (?:of|and)\b|(?:our|the) (?:rules|guidelines|regulations|restrictions)\b|non-?refundable\b",
    r"(?:is|are)(?: not|n'?t) (?:allowed|permitted|eligible)\b|not (?:eligible|entitled)\b",
    r"only (?:allowed|permitted|possible|eligible) (?:if|when|for|within)\b",
    r"(?:cannot|can'?t|can not|not able to|unable to) (?:be )?"
    r"(?:chang|modif|refund|cancel|add|remov|alter|exchang|return|waiv|make (?:an )?exception)",
)
APOLOGY = any_of(
    r"apologi[sz]e\b|apologies\b|(?:i'?m|i am|we'?re|we are) (?:very |so |really |truly |terribly )?sorry\b"
    r"|sorry (?:about|for) (?:that|the|this|any|my)\b",
)
ADMITS = any_of(
    r"my (?:mistake|error|bad)\b|i made (?:a|an) (?:\w+ )?(?:mistake|error)\b|i (?:was|have been) (?:wrong|mistaken"
    r"|incorrect)\b",
    r"i (?:misunderstood|misread|overlooked|miscalculated|forgot|missed)\b|you(?:'re| are) (?:absolutely |completely "
    r"|quite )?(?:right|correct)\b",
    r"(?:apologi[sz]e|apologies|sorry) for (?:the|my|any|that|this) (?:\w+ )?(?:confusion|mistake|error|oversight"
    r"|misunderstanding|mix-?up)\b",
    r"there (?:was|seems to have been|has been|appears to have been) (?:a|an|some) (?:\w+ )?"
    r"(?:oversight|mistake|error|misunderstanding|confusion|mix-?up|discrepancy)\b",
)
ASKS = re.compile(
    r"\?\W*$|\b(?:please (?:confirm|provide|let me know|tell me|specify|share|reply|clarify|choose|select|review)"
    r"|(?:could|can) you (?:please )?(?:confirm|provide|tell|share|specify|clarify)|would you like|do you want"
    r"|shall i|should i"
    r"|is (?:that|this) (?:correct|right|ok(?:ay)?))\b"
)
ASKS_FOR = any_of(
    r"please (?:give|provide|tell|share|send|enter|specify|state|type|repeat)\b",
    r"(?:could|can|may|would|will) (?:you|i|we) (?:please )?(?:give|provide|tell|share|send|enter|specify|have|get|ask)\b",
    r"(?:what|which|when|where|who)(?:'s| is| are| was| were| did| do| does| \w+ (?:is|are|do|did|would)) ",
    r"i(?:'ll| will)? need (?:your|the|to know)\b",
)
SET_PHRASE = re.compile(
    r"(?:ok(?:ay)?|done|sure|certainly|of course|great|perfect|got it|understood|all right|alright|noted|no problem|my pleasure"
    r"|you(?:'re| are|re| re)? (?:very |most )?welcome|yes|no|hello|hi|thanks?|thank you|added|saved|updated|correct|right"
    r"|will do"
    r"|one moment(?: please)?|it(?:'s| is| s) done|anytime|have a (?:great|good|nice) (?:day|evening|one)|goodbye|bye"
    r"| +|and|so|very|much|all|glad|happy|to|help|i|m|could|for|that|was|is)++"
)
_OFFERS = any_of(
    r"any(?:thing|one)? (?:else|other|more)\b|if you (?:have|need)\b|feel free\b|let me know if\b|other (?:questions"
    r"|requests)\b",
    r"further (?:assistance|help|questions)\b|assist you (?:further|with anything)\b|what else\b|can i (?:help|assist"
    r"|do)\b|more (?:help|i can)\b",
    r"(?:sonst noch|noch etwas|weiterhelfen|autre chose|algo m[áa]s|alguna otra|(?:mais )?alguma (?:outra )?coisa|algo mais"
    r"|qualcos'?altro"
    r"|altro in cui|nog iets|anders nog|ytterligare|n[åa]got (?:annat|mer)|noe mer|co[śs] jeszcze|ještě něco|ещ[её] (?:чем"
    r"|что)|başka bir)",
)
OFFERS_MORE = re.compile(_OFFERS.pattern + "|还有|還有|其他|其它|他に|ほかに|다른 |더 도와")
CONFIRMS = re.compile(
    r"\b(?:confirm|correct|is (?:that|this) (?:right|ok(?:ay)?|accurate)|right\?|double.?check|verify|to (?:be"
    r"|make) (?:clear|sure)"
    r"|you(?:'d| would)? (?:like|want|need)|you(?:'re| are| will be)|will you be)\b|\?\W*$"
)
PERSON_TOOL = re.compile(
    r"(?:transfer|escalat|hand_?(?:off|over)|connect|contact|route)\w*?(?:human|agent|person|support|operator"
    r"|representative|supervisor)|^escalate|^hand_?off",
    re.IGNORECASE,
)
PERSON_TEXT = any_of(
    r"(?:transfer(?:red|ring)?|connect(?:ed|ing)?|escalat(?:e|ed|ing)|forward(?:ed|ing)?|hand(?:ed|ing)? (?:you"
    r"|this) (?:over|off))\b"
    r"[^.?!]{0,40}\b(?:human|agent|representative|specialist|supervisor|support|team|person|someone)\b",
)
