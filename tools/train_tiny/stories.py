"""Little stories from a grammar written for this project: one hero, one wish, one trouble, one friend, one end."""

NAMES = {"he": ["Tim", "Ben", "Tom", "Sam", "Leo", "Max", "Jack", "Oscar"],
         "she": ["Lily", "Anna", "Mia", "Rose", "Emma", "Lucy", "Nora", "Ella"]}
ANIMALS = ["fox", "bear", "rabbit", "mouse", "cat", "dog", "bird", "duck", "frog", "horse", "squirrel", "turtle"]
# No animal and no quality starts with a vowel, so "a" is always right.
QUALITIES = ["little", "brave", "kind", "curious", "clever", "quiet", "happy", "shy", "gentle", "young"]
HOMES = ["in a small house by the river", "at the edge of a green forest", "on a hill above the sea",
         "in a village near the mountains", "under a tall tree in the garden", "in a quiet town by the lake"]
WISHES = ["to see the sea", "to find a red balloon", "to learn how to swim", "to bake a big cake",
          "to build a small boat", "to climb the highest hill", "to play the violin", "to grow a yellow flower",
          "to find a new friend", "to read every book in the house"]
DAYS = ["One morning", "One day", "One sunny afternoon", "One cold evening", "The next day", "On a windy day"]
STARTS = ["{name} left home with a bag of bread and apples", "{name} walked along the old road",
          "{name} went into the forest and looked around", "{name} followed a narrow path between the trees",
          "{name} asked everybody in the village for help"]
TROUBLES = ["But it began to rain, and {he} could not see the way", "But the bridge was broken, and the water was deep",
            "But a strong wind took {his} hat away", "But the night came, and {he} was afraid of the dark",
            "But {he} was tired and hungry, and {his} feet were sore",
            "But the door was closed, and nobody had the key"]
HELPS = ["Then a {quality} {animal} came out of the grass", "Then {he} met a {quality} {animal} with a warm smile",
         "Then a {animal} heard {him} and stopped", "Then a {quality} {animal} looked down from a tree"]
WORDS = ["\"Do not be afraid,\" said the {animal}. \"I will help you.\"",
         "\"Why are you sad?\" asked the {animal}. \"Come with me, and we will find a way.\"",
         "\"I know this place very well,\" said the {animal}. \"We can go together.\"",
         "\"You only need a little time and a good friend,\" said the {animal}."]
TURNS = ["They worked together until the sun was high in the sky", "They sang a song and walked all day",
         "They shared the bread and talked about many things",
         "They tried once, and twice, and the third time it went well",
         "Step by step they came closer, and soon they could laugh again"]
ENDS = ["At last {name} was able {wish}, and {he} was very happy.", "In the end {name} was able {wish}.",
        "That evening {name} thanked the {animal}, because now {he} was able {wish}."]
LESSONS = ["From that day on they were the best of friends.",
           "And {name} learned that a friend makes every road shorter.",
           "{name} never forgot that day.", "And everyone in the village told the story for a long time.",
           "Then they went home and slept well."]
PRONOUNS = {"he": {"he": "he", "his": "his", "him": "him"}, "she": {"he": "she", "his": "her", "him": "her"}}

POEM_LINES = [("The morning sun is warm and bright,", "it fills the quiet town with light."),
              ("The little birds begin to sing,", "they tell us of the coming spring."),
              ("The river runs beside the tree,", "it runs and runs until the sea."),
              ("The stars are shining in the night,", "the moon is round and full of light."),
              ("I sit and read beside the door,", "the summer days will come once more."),
              ("The wind is moving through the grass,", "the white clouds look at us and pass."),
              ("The snow lies deep upon the hill,", "the house is warm, the world is still."),
              ("My friend and I walk hand in hand,", "we leave our footprints in the sand.")]


def story(draw, animal=None):
    """One story; `draw` is a random.Random, `animal` makes the hero one."""
    gender = draw.choice(["he", "she"])
    name = draw.choice(NAMES[gender])
    wish = draw.choice(WISHES)
    friend = draw.choice([a for a in ANIMALS if a != animal])
    child = {"he": "boy", "she": "girl"}[gender]
    hero = animal or draw.choice([child, draw.choice([a for a in ANIMALS if a != friend])])
    slots = dict(PRONOUNS[gender], name=name, animal=friend, wish=wish, quality=draw.choice(QUALITIES))

    def say(options):
        return draw.choice(options).format(**slots)

    opening = (f"Once upon a time there was a {draw.choice(QUALITIES)} {hero} named {name}, "
               f"who lived {draw.choice(HOMES)}.")
    parts = [opening, f"{name} wanted {wish}.", f"{draw.choice(DAYS)} {say(STARTS)}.", say(TROUBLES) + ".",
             say(HELPS) + ".", say(WORDS), say(TURNS) + "."]
    parts += [say(ENDS), say(LESSONS)]
    return " ".join(parts)


def poem(draw):
    return "\n".join("\n".join(pair) for pair in draw.sample(POEM_LINES, 2))
