"""The community guidelines of a platform for short posts and pictures. Edit the words; no Python is needed.

The examples are invented and harmless: `vrenk`, `the Ostari`, `glimmer dust` and the like mean nothing
outside this file, and stand where a real post would hold a slur, a people or a drug.
"""

from models.content import Action
from models.policy import Objectives, Policy, PolicySet

POLICIES = (
    Policy(
        key="hate_speech",
        title="Hate speech",
        definition=(
            "Attacks people, or calls for excluding or harming them, for what they are: ethnicity, "
            "nationality, religion, disability, caste, sex, gender identity or sexual orientation. Slurs "
            "count even as jokes; quoting hate to condemn it, and a group's own reclaimed words, do not."
        ),
        severity=4,
        categories=("hate", "hate/threatening"),
        violating=(
            "every Ostari is a vrenk, keep them out of our town",
            "vrenks should not be allowed to vote",
        ),
        compliant=(
            "someone painted 'vrenk' on our door and the whole street helped to clean it",
            "I love Ostari food",
        ),
    ),
    Policy(
        key="harassment",
        title="Harassment and bullying",
        definition=(
            "Targets a particular person with degradation, intimidation, unwanted sexual attention, "
            "exposure of private details, or a call for others to pile on. Criticism of what somebody said "
            "or did, however sharp, is allowed, the more so of people in power."
        ),
        severity=3,
        categories=("harassment", "harassment/threatening"),
        violating=(
            "you are a worthless plonk, everybody tell her so",
            "here is where the plonk lives, go and knock",
        ),
        compliant=(
            "your review of the film was lazy and I disagree with all of it",
            "the mayor broke his promise",
        ),
    ),
    Policy(
        key="violence",
        title="Violence and threats",
        definition=(
            "Threatens, incites, praises or plans physical harm to people or animals, or glorifies those "
            "who did it. News, history, fiction and sport that show violence without urging it are allowed."
        ),
        severity=4,
        categories=("violence", "harassment/threatening"),
        violating=("I will krunt you behind the station tonight", "whoever krunts the referee is my hero"),
        compliant=("the battle in chapter nine was terrifying", "training for Saturday's boxing match"),
    ),
    Policy(
        key="graphic_content",
        title="Graphic content",
        definition=(
            "Shows blood, open wounds, mutilation, corpses or cruelty to animals in a way made to shock. "
            "Medical, documentary and newsworthy material belongs behind an age gate with its context, not "
            "under removal."
        ),
        severity=3,
        categories=("violence/graphic",),
        violating=("close-up of the splatter, not for the faint-hearted", "look how the gash gapes"),
        compliant=(
            "tomato sauce everywhere, my kitchen looks like a crime film",
            "my scar one year after surgery",
        ),
    ),
    Policy(
        key="sexual_content",
        title="Adult nudity and sexual content",
        definition=(
            "Shows or describes sexual acts or nudity meant to arouse, or solicits sex, among adults. "
            "Breastfeeding, health education and art in which nakedness is not sexual are allowed."
        ),
        severity=3,
        categories=("sexual",),
        violating=("message me for my private flimflam pictures", "hot flimflam tonight, link in bio"),
        compliant=("how to talk with your doctor about contraception", "the marble statues in the museum"),
    ),
    Policy(
        key="minor_safety",
        title="Safety of minors",
        definition=(
            "Sexualises, grooms, exploits or endangers anyone under eighteen, or seeks contact or exchange "
            "to that end; there is no exception for fiction or humour. Ordinary family life and education "
            "about protection are allowed."
        ),
        severity=5,
        categories=("sexual/minors",),
        violating=(
            "young dibbets, write to me in secret and tell nobody",
            "trading dibbet pictures, ask for the list",
        ),
        compliant=(
            "first day of school, she was so proud of her bag",
            "how to teach children to say no to strangers",
        ),
    ),
    Policy(
        key="self_harm",
        title="Suicide, self-harm and disordered eating",
        definition=(
            "Encourages, instructs in or glorifies suicide, self-injury or disordered eating, or expresses "
            "the intent to do it, which also calls for help at once. Recovery stories, grief and pointers "
            "to help are allowed."
        ),
        severity=5,
        categories=("self-harm", "self-harm/intent", "self-harm/instructions"),
        violating=("tonight I will fade out for good", "tips for fading without anyone noticing"),
        compliant=(
            "two years since I last thought of fading; ask me anything",
            "the helpline answered within a minute",
        ),
    ),
    Policy(
        key="dangerous_acts",
        title="Dangerous acts and challenges",
        definition=(
            "Shows, teaches or dares others to do what is likely to injure: reckless stunts, challenges "
            "that go round, home-made weapons, explosives or poisons. Professionals at work with protection "
            "and clear warnings are allowed."
        ),
        severity=4,
        categories=("illicit", "illicit/violent"),
        violating=(
            "try this at home: the rooftop zonk without a rope",
            "mix these two and watch the zonk go off",
        ),
        compliant=(
            "our stunt team practised this fall for six months",
            "why you should never mix these two cleaners",
        ),
    ),
    Policy(
        key="regulated_goods",
        title="Regulated goods and services",
        definition=(
            "Offers, seeks or arranges trade in goods whose sale is forbidden or licensed: drugs, "
            "prescription medicine, weapons, alcohol and tobacco to minors, endangered species. Debate "
            "about the law and licensed shops that check age are allowed."
        ),
        severity=3,
        categories=("illicit", "illicit/violent"),
        violating=(
            "fresh glimmer dust, message for the menu",
            "no papers needed, pick up your blunderpop tonight",
        ),
        compliant=(
            "the new law on glimmer dust explained",
            "my grandmother's pills make her sleepy, is that usual?",
        ),
    ),
    Policy(
        key="fraud_and_spam",
        title="Fraud, scams and spam",
        definition=(
            "Deceives people for money, credentials or reach: fake giveaways and investments, "
            "impersonation, phishing, the same message posted in bulk, coordinated fake engagement. Honest "
            "advertising that is marked as such is allowed."
        ),
        severity=3,
        categories=("illicit",),
        violating=(
            "double your zollars in one hour, send ten to begin",
            "you won! confirm your card at this link",
        ),
        compliant=("our shop has a sale until Sunday", "how I recognised the zollar scam and reported it"),
    ),
    Policy(
        key="misinformation",
        title="Harmful misinformation",
        definition=(
            "States as fact what is demonstrably false and likely to harm: false cures, invented "
            "emergencies, wrong voting dates, fabricated pictures shown as real. Opinion, satire that is "
            "plain as such, and open questions of science are allowed."
        ),
        severity=2,
        violating=(
            "moon salt cures the grey fever, doctors hide it",
            "the vote was moved to Monday, stay at home",
        ),
        compliant=(
            "does moon salt do anything? I found no study",
            "satire: moon salt now also cures Mondays",
        ),
    ),
    Policy(
        key="profanity",
        title="Profanity",
        definition=(
            "Uses obscene or vulgar words, whether or not anybody is meant by them. It is kept from the "
            "young and from advertisers rather than removed; mild exclamations are allowed."
        ),
        severity=1,
        violating=("what the snarf is this snarfing weather", "oh blorp, I missed the snarfing bus"),
        compliant=("good grief, what a day", "this darned printer again"),
    ),
)

OBJECTIVES = {
    "default": Objectives(
        precision={Action.LIMIT: 0.80, Action.AGE_GATE: 0.85, Action.REMOVE: 0.95},
        review_share=0.03,
        minimum_judgements=20,
    ),
    "DE": Objectives(  # statements of reasons and appeals make a wrong removal dear
        precision={Action.LIMIT: 0.85, Action.AGE_GATE: 0.88, Action.REMOVE: 0.97},
        review_share=0.05,
        minimum_judgements=30,
    ),
    "US": Objectives(  # the largest market, with the widest room for speech
        precision={Action.LIMIT: 0.82, Action.AGE_GATE: 0.90, Action.REMOVE: 0.96},
        review_share=0.02,
        minimum_judgements=25,
    ),
    "JP": Objectives(  # age gates are customary and cheap, reviewers who read the language few
        precision={Action.LIMIT: 0.78, Action.AGE_GATE: 0.80, Action.REMOVE: 0.95},
        review_share=0.015,
        minimum_judgements=20,
    ),
}

POLICY_SET = PolicySet(
    name="community_guidelines",
    title="Community guidelines",
    policies=POLICIES,
    objectives=OBJECTIVES,
)
