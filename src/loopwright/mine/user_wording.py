"""What users say when something is wrong, and what sounds like it and is not."""

from __future__ import annotations

import re

from loopwright.mine.wording import Cue, any_of, cue

CORRECTIONS: tuple[Cue, ...] = (
    cue(
        "says that the agent is wrong",
        0.85,
        r"(?:that|this|it)(?:'?s not| is not| isn'?t| was not| wasn'?t| are not| aren'?t) (?:quite )?"
        r"(?:right|correct|true|accurate|what|how i|the (?:one|right|correct))",
        r"(?:that|this|it)(?:'s| is| was|s) (?:wrong|incorrect|inaccurate|false|a mistake|the wrong|an error|not it\b)",
        r"you(?:'re| are|r|'ve been| were) (?:wrong|mistaken|incorrect|misunderstanding)",
        r"you(?:'re| are) not (?:listening|understanding|getting|answering|helping)",
        r"(?:the|your) (?:answer|result|output|total|amount|date|price|code|number|response|information)s? (?:is|are"
        r"|was|were|looks?|seems?) "
        r"(?:wrong|incorrect|off\b|inaccurate|outdated|not (?:right|correct))",
        r"^(?:wrong|incorrect|not correct|not right|false|not true|not quite)\b",
        r"(?:wrong|incorrect) (?:one|date|time|answer|name|number|city|order|item|account|person|place|address|file"
        r"|flight|day|amount)\b",
        r"not what i\b",
    ),
    cue(
        "says that the agent did not do what was asked",
        0.8,
        r"you (?:misunderst\w+|misheard|misread|mixed up|forgot|ignored|missed (?:the|my|that|one))\b",
        r"you (?:got (?:it|that|this|\w+ \w+) wrong|made (?:a|an) (?:\w+ )?(?:mistake|error))\b",
        r"you (?:still )?(?:did|have|do|are|were)(?: not|n'?t) (?:answer|listen|read|do what|understand|include"
        r"|address|give|follow|actually|"
        r"fix|change|send|check|finish|look)",
        r"you (?:keep|kept) (?:\w+ing|on)\b",
        r"(?:doesn'?t|does not|didn'?t|did not) (?:answer|address) (?:my|the) (?:question|problem|issue|request)",
        r"i (?:never|didn'?t|did not) (?:said|say|ask(?:ed)? (?:for|you|to)|request(?:ed)?|order(?:ed)?"
        r"|authori[sz]ed?|agreed?)\b",
        r"why (?:did|didn'?t|do|don'?t|are|aren'?t|would|can'?t) you\b",
    ),
    cue(
        "repeats what was said before",
        0.75,
        r"i (?:already|just|clearly|specifically|literally|explicitly) (?:said|told|asked|mentioned|gave|explained"
        r"|provided|answered|sent|did)\b",
        r"(?:as|like) i (?:already |just |previously )?(?:said|told|mentioned|explained|stated|asked)\b",
        r"i (?:said|told you|asked you|asked for|meant|specified)\b",
        r"(?:once more|once again|let me (?:repeat|rephrase|be clear)|i(?:'ll| will) (?:repeat|rephrase|ask again)"
        r"|i repeat)\b",
        r"for the (?:second|third|fourth|fifth|last|hundredth) time\b",
    ),
    cue(
        "says that it does not work",
        0.6,
        r"(?:doesn'?t|does not|didn'?t|did not|isn'?t|is not|won'?t) (?:seem to )?(?:work(?:ing)?|help(?:ful|ing)?"
        r"|fix(?:ed)? (?:it|the)|solve|run|compile)\b",
        r"still (?:not|doesn'?t|isn'?t|can'?t|won'?t|fails?|failing|getting|have the same|the same|wrong|broken"
        r"|waiting|see(?:ing)? the)\b",
        r"same (?:error|problem|issue|mistake|result|answer)\b",
        r"(?:that|this|it) (?:makes no sense|doesn'?t make (?:any )?sense|can'?t be right|seems (?:wrong|off))\b",
        r"are you sure\b",
    ),
    cue(
        "takes back or redirects what the agent did",
        0.5,
        r"(?:undo|revert|roll ?back) (?:that|this|it|the|your)\b",
        r"(?:stop|quit) (?:that|it|doing|asking|saying|repeating)\b",
        r"(?:try|check|look|search|read)(?: it| that| this)? (?:again|once more|harder)\b",
        r"keep (?:on )?(?:trying|looking|searching)\b",
        r"^nop?e?[,.]? (?:it|that|this|the \w+|you)(?: \w+)? (?:should|must|has to|have to|needs? to|is supposed to"
        r"|was supposed to)\b",
        r"not (?:the )?[\w$:.]+(?: [\w$:.]+)?[,;]? but (?:the |rather )?\w+",
        r"i (?:do not|don'?t) (?:want|need) [^.?!]{1,40}[,.;]? i (?:want|need|asked|said|meant)\b",
    ),
)
NOT_A_CORRECTION = any_of(
    r"no (?:problem|worries|rush|need|doubt|hurry|idea|wonder|trouble|preference|big deal)\b",
    r"not bad\b|can'?t go wrong\b|correct me if\b|don'?t get me wrong\b",
    r"if (?:that|this|it)(?:'s| is|s)(?: not|n'?t)? (?:right|correct|wrong|possible|ok(?:ay)?|what)\b",
    r"(?:went|goes|going|what'?s|what is|something(?:'s| is)?|anything) wrong\b",
    r"(?:as|like) i said,? thank",
)
REFUSES = re.compile(
    r"^(?:oh,? |um+,? |uh+,? |well,? |hm+,? |sorry,? |actually,? |ok(?:ay)?,? |but )*(?:"
    r"no+\b|nope\b|nah\b|negative\b|neither\b|none\b|never ?mind\b|nothing\b|don'?t\b|do not\b|not interested\b"
    r"|not (?:really|now|yet|right now|that|this|the|what|quite|exactly|today|for now|at (?:this|the) (?:time|moment))\b"
    r"|i (?:do not|don'?t) (?:think|want|need|like|care|really)|i'?d rather\b"
    r"|i (?:have not|haven'?t|would rather|wouldn'?t|would not|am not|'m not|did not|didn'?t)\b"
    r"|(?:that|this|it|those)(?:'s| is| does| will| would| do| has| won| doesn)?(?: not|n'?t|'?t)\b)"
)
DISLIKES = any_of(
    r"i (?:don'?t|do not|didn'?t|did not) (?:really )?(?:like|want|need|care for|think so)\b",
    r"not (?:for me|interested|suitable|a fan)\b",
    r"too (?:expensive|pricey|high|far|late|early|long|small|big|much)\b",
)
NEW_VALUE = re.compile(
    r"\d|\b(?:instead|rather|actually|make it|change (?:it|that|the)|should be|i'm|my|please|it'?s|for (?:one|two"
    r"|three|four|five|six)"
    r"|i(?:'d| would)? (?:want|need|like|prefer|meant|said|will be|'ll be)|first|second|third"
    r"|monday|tuesday|wednesday|thursday|friday|saturday|sunday|morning|afternoon|evening|tomorrow|today"
    r"|january|february|march|april|may|june|july|august|september|october|november|december)\b"
)
ALTERNATIVES = any_of(
    r"any(?:thing)? (?:other|else)\b|some(?:thing|one|where|body)? else\b|what else\b|any others?\b|other than\b",
    r"(?:an)?other (?:one|ones|options?|choices?|suggestions?|places?|times?|ways?|\w+s)\b|another\b",
    r"different (?:\w+)\b|more (?:options|choices|suggestions|results)\b|(?:some|any) more\b",
    r"show me (?:more|others)\b|look for (?:another|something|someone)\b",
)
CHANGES_MIND = any_of(
    r"on second thought|(?:i've |i have |i )?changed my mind|(?:wait|hold on),|scratch that",
    r"actually,? (?:i|can|could|let|make|please|no|it|never)\b",
)
CLOSES = any_of(
    r"that(?:'s| is|s|'ll be| will be| would be)? (?:all|it|everything)\b|nothing (?:else|more|further)\b",
    r"thanks?\b|thank you|thx\b|cheers\b|(?:much )?appreciate|(?:good)?bye\b|see you\b|take care\b",
    r"have a (?:good|great|nice|wonderful|lovely)\b",
)
THANKS_ELSEWHERE = re.compile(
    r"\b(?:danke(?:sch[öo]n|sehr)?|vielen dank|besten dank|tsch[üu](?:ss|ß)|auf wiedersehen|sch[öo]nen tag|merci|au revoir"
    r"|bonne journ[ée]e"
    r"|gracias|adi[óo]s|hasta (?:luego|pronto|la vista)|(?:muito )?obrigad[oa]|valeu|tchau|at[ée] (?:logo|mais)"
    r"|(?:mille )?grazie|arrivederci"
    r"|ciao|dank (?:je|u)(?: wel)?|bedankt|dankjewel|tot ziens|tusen takk|tack|takk?|hej d[åa]|kiitos|n[äa]kemiin"
    r"|dzi[ęe]kuj[ęe]|dzi[ęe]ki"
    r"|do widzenia|d[ěe]kuj[ui]|d[íi]ky|na shledanou|[ďd]akujem|k[öo]sz[öo]n[öo]m|viszl[áa]t|mul[țţt]umesc|la revedere|hvala"
    r"|te[şs]ekk[üu]r(?:ler| ederim)|sa[ğg] ?ol(?:un)?|c[ảa]m [ơo]n|terima kasih|salamat|asante|ευχαριστώ|αντίο|спасибо|благодарю"
    r"|до свидания|дякую|благодаря|mercis?|gr[àa]cies)\b"
    r"|谢谢|謝謝|多谢|多謝|感谢|感謝|再见|再見|拜拜|ありがとう|有難う|どうも|さようなら|감사합니다|고마워|고맙습니다|안녕히"
    r"|شكرا|شكراً|תודה|धन्यवाद|शुक्रिया|ধন্যবাদ|நன்றி|ขอบคุณ|متشکرم|ممنون"
)
NEGATIVE = re.compile(
    r"(?:no+|nope|nah|not (?:really|now|today|at the moment)|none|nothing|that(?:'s| is|s) (?:it|all)|i'?m (?:good|fine"
    r"|all set)|all good"
    r"|i (?:do not|don'?t)(?: think so| need any(?:thing|thing else| more)?)?|nein|nee|nej|nei|non|n[ãa]o|nie|ne|nem|nu|ei"
    r"|hay[ıi]r|kh[ôo]ng"
    r"|tidak|όχι|нет|ні|não|rien d'autre|nada m[áa]s|nichts|niente|不|不用|不用了|没有|沒有|没有了|いいえ|いえ|ないです"
    r"|아니요|아니오|아뇨|لا|לא|नहीं|ไม่)"
)
SETTLES = any_of(
    r"all (?:set|good|done)\b|i'?m (?:good|all set|done|fine)\b|perfect\b|great\b|wonderful\b|awesome\b|excellent\b"
    r"|sounds good\b",
)
REQUEST = re.compile(
    r"\?|\b(?:please|(?:can|could|would|will) you|i(?:'m| am) (?:looking|trying)|i (?:want|need|would like)|i'd like"
    r"|tell me|show me|give me|find|search|help me|how (?:do|can|about)|what|where|when|why|which)\b"
)
AFFIRMS = re.compile(
    r"^(?:yes|yeah|yep|yup|sure|of course|ok(?:ay)?|correct|right|exactly|absolutely|certainly|definitely|sounds good"
    r"|no\b|i have|i've"
    r"|that'?s (?:right|correct|fine))"
)
GO_AHEAD = re.compile(
    r"(?:(?:yes|yeah|yep|sure|ok(?:ay)?|please|great|perfect|that(?:'s| is| sounds)|sounds)\b[ ,.!]*(?:\w+ ){0,6}?"
    r"(?:proceed|go ahead|do (?:it|that|so)|book|confirm|continue|make|cancel|update|change|send)"
    r"|yes|yeah|yep|go ahead|i confirm|confirmed|proceed|do it)\b"
)
WANTS_A_PERSON = any_of(
    r"(?:speak|talk|chat|connect|transfer|escalate|put me through|hand me|get me|reach|contact|forward|give me|want"
    r"|need|like)\b[^.?!]{0,40}?\b"
    r"(?:humans?|person|representative|rep|manager|supervisor|operator|(?:live |real |support |service )?agent"
    r"|customer (?:service|support)|someone (?:else|real|who))\b",
    r"(?:human|real|live) (?:agent|person|being|representative|support|operator)\b",
    r"(?:transfer|escalate) (?:me|this|it|my)\b|(?:file|make|lodge) a complaint\b",
)
NOT_A_PERSON = any_of(
    r"(?:real estate|travel|insurance|leasing|estate|booking|ticket|rental|sales|user|software|ai|coding) agents?\b",
    r"(?:property|project|product|account|package|password|file|task) managers?\b|(?:per|in|one|each|another"
    r"|a single) person\b",
    r"person(?:al|ally|s)\b|(?:not|n't) (?:want|need|like) [^.?!]{0,30}(?:human|agent|person|representative"
    r"|transfer\w*)\b|rather not be transferred\b",
)
FRUSTRATION: tuple[Cue, ...] = (
    cue(
        "is angry with the service",
        0.75,
        r"(?:frustrat\w+|ridiculous|unacceptable|useless|pathetic|infuriat\w+|outrag\w+|a joke|fed up|incompeten\w+)\b",
        r"(?:a )?(?:waste of (?:my )?(?:time|money)|wasting (?:my )?time|sick (?:of|and tired)|wtf|what the (?:hell"
        r"|heck|f\w+))\b",
        r"for (?:god|christ|heaven|pete)'?s sake|(?:terrible|worst|awful|horrible) (?:service|experience|support)\b",
        r"(?:very|so|extremely|really) (?:upset|disappoint\w+|unhappy|annoy\w+|angry)\b|never (?:using|coming back|again)\b",
    ),
    cue(
        "gives up",
        0.6,
        r"(?:forget (?:it|about it)|i give up|i'?ll (?:just )?(?:do it myself|figure it out|look elsewhere|go elsewhere))\b",
        r"i'?ll (?:just )?try (?:later|somewhere|elsewhere|another)\b|(?:this is )?(?:pointless|hopeless"
        r"|getting nowhere|going nowhere)\b",
        r"not worth it\b|what'?s the point\b",
    ),
    cue(
        "is unhappy",
        0.4,
        r"(?:disappoint\w+|annoy(?:ing|ed)|upset(?:ting)?|unhappy|dissatisf\w+|inconvenien\w+|unfair|unreasonable"
        r"|bummer|ugh+|sigh)\b",
        r"that'?s (?:too bad|a shame)\b|i don'?t understand why\b|seriously\?|come on\b|i'?m not happy\b"
        r"|i was (?:really )?hoping\b",
        r"is there (?:really no|no|really any) (?:other )?way\b",
    ),
)
