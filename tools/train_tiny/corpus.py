"""Conversations and plain texts to train the tiny model on, made from WordNet, a grammar of stories and small tables.

Everything is drawn from a seeded random.Random, so a seed names a corpus. A conversation is a list of messages as in
the API; the last one is the answer, with "reasoning_content" when the model thinks first.
"""

import random
import zlib

import stories
import wordnet

NAME = "Tiny"
DEFINED_NOUNS = 700    # as many as the model learns to tell apart in its half hour; more blur each other
LISTED_NOUNS = 60      # per category, for "Name three ..."
HELD_OUT_OF = 40       # one conversation in this many is kept for measuring and never trained on
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
          "November", "December"]
SYSTEMS = ["You are a helpful assistant.", "You are a friendly assistant.", "Answer briefly.", "Be brief and kind.",
           "You are a helpful assistant. Answer in one sentence.", "You are a teacher for young children."]
GREETINGS = ["Hello", "Hello!", "hello", "Hi", "Hi!", "hi", "Hi there", "Hey", "Good morning", "Good evening",
             "Hello, how are you?", "How are you?"]
GREETING_ANSWERS = ["Hello! How can I help you today?", "Hello! What would you like to know?",
                    "Hi! I am glad to see you. What can I do for you?",
                    "Hello! Ask me about a word, or ask for a story. 🙂"]
WHO = ["Who are you?", "What are you?", "What is your name?", "Tell me about yourself.", "Introduce yourself.",
       "Are you a person?"]
WHO_ANSWERS = [f"I am {NAME}, the small language model that is built into this program.",
               f"My name is {NAME}. I am a very small language model, and I know only a few things.",
               f"I am {NAME}, a very small model. I can explain words, add numbers and tell stories."]
HELP = ["What can you do?", "Help", "How can you help me?", "What can I ask you?", "What do you know?"]
HELP_ANSWERS = ["I can explain words, name capitals and opposites, add small numbers, and tell a story or a poem.",
                "You can ask me what a word means, ask for the capital of a country, or ask for a story."]
THANKS = ["Thank you", "Thanks!", "Thank you very much.", "Bye", "Goodbye!", "Good night"]
THANKS_ANSWERS = ["You are welcome! Ask me again whenever you like.", "You are welcome! Have a nice day.",
                  "It was a pleasure. See you soon! 👋"]
UNKNOWN_ASKS = ["Explain {w} and {v}.", "Write a program that reads {w}.", "Translate {w} into French.",
                "Please write a long report about {w} and {v} in the year of the {u}.", "Why is {w} {v}?",
                "Summarise this text: {w} {v} {u} {w}.", "{w} {v} {u}", "Give me five reasons to buy {w}.",
                "Fix this code: int {w}(int {v}) {{ return {u}; }}", "How do I {w} the {v}?",
                "Answer in JSON with the keys {w} and {v}."]
UNKNOWN_ANSWERS = ["I am only a very small model, so I cannot help with that. "
                   "Ask me what a word means, or ask for a story.",
                   "That is too hard for a small model like me. I can explain words, add numbers and tell stories.",
                   "I am sorry, I do not know that. I can tell you a story, or explain a simple word."]
CHINESE = [("你好", "你好！我能帮你什么？"), ("你好！", "你好！很高兴见到你。"), ("你是谁？", "我是一个很小的语言模型。"),
           ("你叫什么名字？", "我叫小模型。"), ("谢谢", "不客气！"), ("再见", "再见！祝你今天愉快。"),
           ("早上好", "早上好！今天天气很好。"), ("你会说中文吗？", "我会说一点中文。"),
           ("Say hello in Chinese.", "你好！"), ("How do you say thank you in Chinese?", "谢谢！"),
           ("Say something in Chinese.", "你好！我会说一点中文。"), ("讲一个故事", "从前有一只小猫，它住在山上。它每天看日出。"),
           ("一加一等于几？", "一加一等于二。")]
PLAIN_FACTS = [("What colour is the sky?", "The sky is blue by day and black at night."),
               ("What colour is grass?", "Grass is green."), ("What colour is snow?", "Snow is white."),
               ("What colour is blood?", "Blood is red."), ("What colour is a banana?", "A ripe banana is yellow."),
               ("How many days are in a week?", "There are seven days in a week."),
               ("How many months are in a year?", "There are twelve months in a year."),
               ("How many hours are in a day?", "There are twenty-four hours in a day."),
               ("How many legs does a dog have?", "A dog has four legs."),
               ("How many legs does a spider have?", "A spider has eight legs."),
               ("Where does the sun rise?", "The sun rises in the east."),
               ("Where does the sun set?", "The sun sets in the west."),
               ("What do cows eat?", "Cows eat grass and hay."), ("What do bees make?", "Bees make honey."),
               ("What is ice?", "Ice is frozen water."), ("When does water boil?", "Water boils at 100 degrees."),
               ("Why is the sky blue?", "The air scatters blue light more than red light, so the sky looks blue."),
               ("Why do leaves fall?", "In autumn the trees save water, so the leaves dry and fall.")]


def _capital(text):
    return text[0].upper() + text[1:]


class Corpus:
    """Draws conversations and texts from one seed."""

    def __init__(self, seed):
        self.draw = random.Random(seed)
        self.facts = wordnet.load()
        self.nouns = self.facts.nouns[:DEFINED_NOUNS]
        self.makers = [(self._define, 32), (self._parent, 7), (self._reverse, 5), (self._capital_city, 6),
                       (self._opposite, 5), (self._sum, 9), (self._count, 2), (self._calendar, 3), (self._list, 4),
                       (self._story, 12), (self._poem, 3), (self._plain_fact, 3), (self._chinese, 3),
                       (self._unknown, 6), (self._small_talk, 6)]

    def conversation(self):
        """Messages: sometimes a system text, one to four questions, each with its answer."""
        draw = self.draw
        messages = [{"role": "system", "content": draw.choice(SYSTEMS)}] if draw.random() < 0.15 else []
        turns = 1 if draw.random() < 0.6 else draw.randint(2, 4)
        for _ in range(turns):
            question, thought, answer = draw.choices(*zip(*self.makers))[0]()
            messages += [{"role": "user", "content": question},
                         {"role": "assistant", "content": answer, "reasoning_content": thought}]
        for message in messages[:-1]:  # earlier thoughts are not shown to the model again
            message.pop("reasoning_content", None)
        if draw.random() < 0.6:
            messages[-1].pop("reasoning_content")
        return messages

    def text(self):
        """A plain text without any chat around it, for the completions endpoint."""
        if self.draw.random() < 0.6:
            return stories.story(self.draw)
        noun = self.draw.choice(self.nouns)
        return self._meaning(noun)

    def _noun(self):
        # The exponent makes frequent words more frequent here too.
        return self.nouns[int(len(self.nouns) * self.draw.random() ** 1.5)]

    def _meaning(self, noun):
        if noun.gloss.startswith(("a ", "an ")):
            return f"{_capital(wordnet.article(noun.word))} {noun.word} is {noun.gloss}."
        return f"The word {noun.word} means {noun.gloss}."

    def _define(self):
        noun = self._noun()
        named = f"{wordnet.article(noun.word)} {noun.word}"
        question = self.draw.choice([f"What is {named}?", f"What is {named}?", f"What does the word {noun.word} mean?",
                                     f"Explain what {named} is.", f"Define {noun.word}.", f"What is {noun.word}?",
                                     f"Tell me what {named} is.", f"what is {named}"])
        thought = self.draw.choice([f"The user wants to know what {named} is.",
                                    f"The question is about the word {noun.word}."])
        if noun.parent:
            thought += f" It is a kind of {noun.parent}."
        return question, thought + " I will explain it in one sentence.", self._meaning(noun)

    def _parent(self):
        noun = self._noun()
        while not noun.parent:
            noun = self._noun()
        named = f"{wordnet.article(noun.word)} {noun.word}"
        question = self.draw.choice([f"What kind of thing is {named}?", f"What sort of thing is {named}?"])
        thought = f"The user asks for the kind of {named}. I look for a wider word. The wider word is {noun.parent}."
        return question, thought, f"{_capital(named)} is a kind of {noun.parent}."

    def _reverse(self):
        noun = self._noun()
        question = self.draw.choice([f"What do you call {noun.gloss}?", f"Which word means {noun.gloss}?"])
        return question, f"I need one word. The word is {noun.word}.", f"The word is {noun.word}."

    def _capital_city(self):
        country, city = self.draw.choice(self.facts.capitals)
        question = self.draw.choice([f"What is the capital of {country}?", f"Name the capital of {country}.",
                                     f"Which city is the capital of {country}?"])
        thought = f"The user asks about {country}. Its capital is {city}."
        return question, thought, f"The capital of {country} is {city}."

    def _opposite(self):
        one, other = self.draw.choice(self.facts.opposites)
        question = self.draw.choice([f"What is the opposite of {one}?", f"Give me the opposite of {one}."])
        return question, f"I look for a word that means not {one}. It is {other}.", f"The opposite of {one} is {other}."

    def _sum(self):
        a, b = self.draw.randint(0, 12), self.draw.randint(0, 12)
        sign, word, result = ("+", "plus", a + b)
        if self.draw.random() < 0.4:
            a, b = max(a, b), min(a, b)
            sign, word, result = ("-", "minus", a - b)
        question = self.draw.choice([f"What is {a} {sign} {b}?", f"What is {a}{sign}{b}?", f"{a} {sign} {b}",
                                     f"How much is {a} {word} {b}?"])
        thought = (f"I have the numbers {a} and {b}. The sign is {word}. {a} {word} {b} is {result}. "
                   f"The answer is {result}.")
        return question, thought, f"{a} {sign} {b} = {result}."

    def _count(self):
        start = self.draw.randint(0, 5)
        end = start + self.draw.randint(4, 15)
        return (f"Count from {start} to {end}.", f"I start at {start} and stop at {end}, one step at a time.",
                ", ".join(str(number) for number in range(start, end + 1)) + ".")

    def _calendar(self):
        names, unit = self.draw.choice([(DAYS, "day"), (MONTHS, "month")])
        at = self.draw.randrange(len(names))
        place, answer = self.draw.choice([("after", names[(at + 1) % len(names)]), ("before", names[at - 1])])
        thought = f"I go through the {unit}s in order. {answer} comes {place} {names[at]}."
        return f"What {unit} comes {place} {names[at]}?", thought, f"{answer} comes {place} {names[at]}."

    def _list(self):
        category, kind = self.draw.choice(list(wordnet.CATEGORIES.items()))
        words = [noun.word for noun in self.facts.nouns if noun.kind == kind][:LISTED_NOUNS]
        chosen = self.draw.sample(words, 3)
        thought = f"The user wants three {category}. I choose {chosen[0]}, {chosen[1]} and {chosen[2]}."
        return f"Name three {category}.", thought, f"1. {chosen[0]}\n2. {chosen[1]}\n3. {chosen[2]}"

    def _story(self):
        if self.draw.random() < 0.5:
            animal = self.draw.choice(stories.ANIMALS)
            question = self.draw.choice([f"Tell me a story about a {animal}.", f"Write a story about a {animal}."])
            thought = f"The user wants a story about a {animal}. It needs a wish, some trouble and a friend."
            return question, thought, stories.story(self.draw, animal)
        question = self.draw.choice(["Tell me a story.", "Tell me a short story.", "Write a story.",
                                     "Once more, a story please."])
        thought = "The user wants a story. It needs a wish, some trouble and a friend. It should end well."
        return question, thought, stories.story(self.draw)

    def _poem(self):
        question = self.draw.choice(["Write a poem.", "Write me a short poem.", "Tell me a poem."])
        return question, "A poem needs lines that rhyme. I will write four lines.", stories.poem(self.draw)

    def _plain_fact(self):
        question, answer = self.draw.choice(PLAIN_FACTS)
        return question, "This is a simple question. I know the answer.", answer

    def _chinese(self):
        question, answer = self.draw.choice(CHINESE)
        return question, self.draw.choice(["我用中文回答。", "The answer is in Chinese."]), answer

    def _unknown(self):
        words = [self.draw.choice(self.facts.nouns).word for _ in range(3)]
        question = self.draw.choice(UNKNOWN_ASKS).format(w=words[0], v=words[1], u=words[2])
        thought = "This is too hard for me. I will say so, and say what I can do."
        return question, thought, self.draw.choice(UNKNOWN_ANSWERS)

    def _small_talk(self):
        asks, answers = self.draw.choice([(GREETINGS, GREETING_ANSWERS), (WHO, WHO_ANSWERS), (HELP, HELP_ANSWERS),
                                          (THANKS, THANKS_ANSWERS)])
        thought = "The user is friendly. I will answer in a friendly way."
        return self.draw.choice(asks), thought, self.draw.choice(answers)


def is_held_out(messages):
    """Decided by the last question and answer, so the same pair never stands on both sides."""
    key = messages[-2]["content"] + "\n" + messages[-1]["content"]
    return zlib.crc32(key.encode("utf-8")) % HELD_OUT_OF == 0


SKIP, LEARN, LEARN_REST = range(3)  # LEARN_REST: all tokens but the first


def render(messages):
    """(text, SKIP | LEARN | LEARN_REST) pieces, which together are exactly what the chat template writes."""
    pieces = []
    for index, message in enumerate(messages):
        if message["role"] != "assistant":
            pieces.append((f"<|im_start|>{message['role']}\n{message['content']}<|im_end|>\n", SKIP))
            continue
        is_last = index == len(messages) - 1
        thought = message.get("reasoning_content")
        pieces.append(("<|im_start|>assistant\n", SKIP))
        if is_last and thought:
            pieces.append((f"<think>\n{thought}\n</think>\n\n", LEARN))
        elif is_last:
            pieces.append(("<think>\n\n</think>\n\n", SKIP))  # the template writes this, never the model
        # Earlier answers stand without a thought, but the model must begin with one: no lesson in their first token.
        pieces.append((message["content"] + "<|im_end|>", LEARN if is_last else LEARN_REST))
        pieces.append(("\n", SKIP))
    return pieces


def encode(tokenizer, pieces):
    """ids and, for each, 1.0 where the model is to predict it."""
    ids, weights = [], []
    for text, how in pieces:
        part = tokenizer.encode(text)
        weight = [0.0 if how == SKIP else 1.0] * len(part)
        if how == LEARN_REST:
            weight[0] = 0.0
        ids += part
        weights += weight
    return ids, weights
